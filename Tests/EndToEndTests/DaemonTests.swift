import Calibration
import ControlAPI
import Foundation
import FoundationNetworking
import Glibc
import Tensors
import TestSupport
import Testing

/// The daemon, its workers and its clients as processes: whatever is killed, the result is that of one process.
@Suite struct DaemonTests {
    private static let options = [
        "--data", Example.calibration, "--batch-size", "4", "--shard-batches", "1", "--observer", "ema",
    ]

    /// The digests of the same job in one process.
    private static func reference(in folder: TemporaryFolder) throws -> (model: Data, statistics: Data) {
        let (model, statistics) = (folder.path("reference.onnx"), folder.path("reference.safetensors"))
        let outcome = try TareProcess.run(
            ["calibrate", Example.model] + options
                + ["--workers", "1", "--output", model, "--statistics", statistics], in: folder.url)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return (try Data(contentsOf: URL(filePath: model)), try Data(contentsOf: URL(filePath: statistics)))
    }

    @Test func aSubmittedJobIsEvaluatedOnceAlsoWhenTheCoordinatorDiesInBetween() throws {
        let options =
            Self.options + [
                "--evaluate", "64", "--evaluation-data", Example.evaluation, "--labels", "label",
            ]
        let cluster = try DaemonCluster(workers: 2)
        let submitted = try cluster.ask(["submit", Example.model] + options)
        #expect(submitted.status == 0, "\(submitted.errors)")
        #expect(becomesTrue { cluster.hasEnded(1) })
        try cluster.restartCoordinator()
        #expect(becomesTrue { cluster.hasEnded(2) })
        let evaluation = try cluster.status(2)
        #expect(evaluation.name == "evaluation of job 1")
        #expect(evaluation.state == .completed, "\(String(describing: evaluation.failure))")
        try cluster.restartCoordinator()
        #expect(becomesTrue { cluster.hasEnded(2) })
        #expect(try cluster.ask(["status", "3"]).status != 0)

        let folder = cluster.folder
        let result = try cluster.ask(["result", "2", "--output", folder.path("digits.int8.onnx")])
        #expect(result.status == 0, "\(result.errors)")
        let local = try TareProcess.run(
            ["calibrate", Example.model] + options + ["--workers", "2", "--output", folder.path("local.onnx")],
            in: folder.url)
        #expect(local.status == 0, "\(local.errors)")
        func evaluated(_ name: String) throws -> ResultManifest.Evaluation? {
            try ResultManifest(jsonBytes: Array(Data(contentsOf: folder.url.appending(path: name)))).evaluation
        }
        let (ours, theirs) = (
            try #require(try evaluated("local.manifest.json")), try evaluated("digits.int8.manifest.json")
        )
        #expect(theirs?.layers == ours.layers && theirs?.classification == ours.classification)
        #expect(ours.classification?.floatCorrect != nil && ours.samples == 64)
        #expect(try digest(folder.path("digits.int8.onnx")) == digest(folder.path("local.onnx")))
    }

    /// A compressed archive lies in the coordinator's temporary files, so it sends the samples though it was not asked to,
    /// and one that was restarted makes the files again.
    @Test func aCompressedArchiveIsSentAlsoAfterARestart() throws {
        let cluster = try DaemonCluster(workers: 0)
        let folder = cluster.folder
        let images = try NPZFile(path: Example.calibration).tensor("image")
        for index in 0..<32 {
            let sample = images.slice(outermost: index..<index + 1).reshaped(to: [1, 32, 32])
            try NPYFile.write(sample, to: folder.path("\(100 + index).image.npy"))
        }
        let archive = folder.path("data.tar.gz")
        let members = try folder.names.filter { $0.hasSuffix(".npy") }
        #expect(try Command.run("/bin/tar", ["-czf", archive, "-C", folder.url.path] + members) == 0)
        let options = ["--data", archive, "--batch-size", "4", "--shard-batches", "1", "--observer", "ema"]
        let submitted = try cluster.ask(["submit", Example.model] + options)
        #expect(submitted.status == 0, "\(submitted.errors)")
        try cluster.restartCoordinator()
        try cluster.addWorker()
        #expect(becomesTrue { cluster.hasEnded(1) })
        let result = try cluster.ask(["result", "1", "--output", folder.path("ours.onnx")])
        #expect(result.status == 0, "\(result.errors)")
        let local = try TareProcess.run(
            ["calibrate", Example.model] + options + ["--workers", "1", "--output", folder.path("local.onnx")],
            in: folder.url)
        #expect(local.status == 0, "\(local.errors)")
        #expect(try digest(folder.path("ours.onnx")) == digest(folder.path("local.onnx")))
    }

    @Test func aSubmittedStateDictionaryIsTheLocalOne() throws {
        let options = [
            "--data", Example.calibration, "--samples", "64", "--batch-size", "8", "--qconfig", "mlu", "--per-channel",
        ]
        let cluster = try DaemonCluster(workers: 2)
        let folder = cluster.folder
        let submitted = try cluster.ask(["submit", Example.model] + options + ["--wait"])
        #expect(submitted.status == 0, "\(submitted.errors)")
        let local = try TareProcess.run(
            ["calibrate", Example.model] + options + [
                "--workers", "1", "--output", folder.path("local.onnx"), "--state-dict", folder.path("local.pth"),
            ], in: folder.url)
        #expect(local.status == 0, "\(local.errors)")
        let result = try cluster.ask(
            ["result", "1", "--output", folder.path("ours.onnx"), "--state-dict", folder.path("ours.pth")])
        #expect(result.status == 0, "\(result.errors)")
        #expect(try digest(folder.path("ours.onnx")) == digest(folder.path("local.onnx")))
        #expect(try digest(folder.path("ours.pth")) == digest(folder.path("local.pth")))
    }

    @Test func submittingWaitsForTheEvaluationToo() throws {
        let cluster = try DaemonCluster(workers: 1)
        let outcome = try cluster.ask(
            ["submit", Example.model] + Self.options + ["--evaluate", "16", "--wait", "--json"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let job = try Documents.decode(JobDocument.self, from: Array(outcome.output.utf8))
        #expect(job.id == 2 && job.state == .completed && job.results.map(\.name).contains("manifest"))
    }

    @Test func layersOfACalibrationAndOfAnEvaluationAreServed() throws {
        let cluster = try DaemonCluster(workers: 1, http: "127.0.0.1:0")
        let outcome = try cluster.ask(["submit", Example.model] + Self.options + ["--evaluate", "16", "--wait"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let address = try #require(cluster.httpAddress())
        func page<Item: ControlDocument>(_ job: Int, of type: Item.Type) throws -> PageDocument<Item> {
            let url = try #require(URL(string: "\(address)/api/v1/jobs/\(job)/layers?limit=3"))
            let text = try String(contentsOf: url, encoding: .utf8)
            return try Documents.decode(PageDocument<Item>.self, from: Array(text.utf8))
        }
        let observed = try page(1, of: LayerDocument.self)
        let evaluated = try page(2, of: EvaluatedLayerDocument.self)
        #expect(observed.items.count == 3 && evaluated.items.count == 3 && evaluated.total == 16)
        for layer in evaluated.items {
            #expect(layer.own.elements > 0 && layer.total.sqnrDecibels ?? 0 > 20 && layer.saturatedShare != nil)
        }
    }

    @Test func aJobSurvivesTheDeathOfEverybody() throws {
        let cluster = try DaemonCluster(workers: 2)
        let submitted = try cluster.ask(["submit", Example.model] + Self.options + ["--json"])
        #expect(submitted.status == 0, "\(submitted.errors)")
        #expect(becomesTrue { (try? cluster.status(1).shardsDone) ?? 0 > 3 })
        try cluster.restartCoordinator()
        try cluster.killWorker()
        try cluster.addWorker()
        #expect(becomesTrue { (try? cluster.status(1).ended) != nil })
        let job = try cluster.status(1)
        #expect(job.state == .completed, "\(String(describing: job.failure))")
        let (model, statistics) = (cluster.folder.path("out.onnx"), cluster.folder.path("out.safetensors"))
        let fetched = try cluster.ask(["result", "1", "--output", model, "--statistics", statistics])
        #expect(fetched.status == 0, "\(fetched.errors)")
        let reference = try Self.reference(in: cluster.folder)
        #expect(try Data(contentsOf: URL(filePath: model)) == reference.model)
        #expect(try Data(contentsOf: URL(filePath: statistics)) == reference.statistics)
        #expect(try cluster.stop().status == 0)
    }

    @Test func resultsOutliveTheCoordinator() throws {
        let cluster = try DaemonCluster(workers: 1)
        let submitted = try cluster.ask(["submit", Example.model] + Self.options + ["--wait"])
        #expect(submitted.status == 0, "\(submitted.errors)")
        try cluster.restartCoordinator()
        #expect(try cluster.status(1).state == .completed)
        #expect(becomesTrue { (try? cluster.status(1).workersReady) == 1 })
    }

    @Test func aNamedJobIsTakenOnce() throws {
        let cluster = try DaemonCluster(workers: 0)
        for _ in 0..<2 {
            let submitted = try cluster.ask(
                ["submit", Example.model] + Self.options + ["--once", "nightly", "--json"])
            #expect(submitted.status == 0, "\(submitted.errors)")
            #expect(try Documents.decode(JobDocument.self, from: Array(submitted.output.utf8)).id == 1)
            try cluster.restartCoordinator()
        }
        let other = try cluster.ask(["submit", Example.model] + Self.options + ["--once", "weekly", "--json"])
        #expect(try Documents.decode(JobDocument.self, from: Array(other.output.utf8)).id == 2, "\(other.errors)")
    }

    @Test func anHTTPAddressInUseIsNamed() throws {
        let cluster = try DaemonCluster(workers: 0, http: "127.0.0.1:0")
        let taken = try #require(cluster.httpAddress()).dropFirst("http://".count)
        let second = try TareProcess.run(
            [
                "coordinator", "--state-dir", cluster.folder.path("second"), "--listen",
                "ipc://\(cluster.folder.path("second.socket"))", "--http", String(taken),
            ], in: cluster.folder.url)
        #expect(second.status == 69)
        #expect(second.errors.contains(taken) && second.errors.contains("--http"), "\(second.errors)")
    }

    @Test func brokenSamplesAreLeftOutAlsoWhenABatchHasNoOthers() throws {
        let cluster = try DaemonCluster(workers: 2)
        try Arrays.write(["image": Arrays.images(12, notANumberAt: 5)], to: cluster.folder.path("some.npz"))
        let words = ["submit", Example.model, "--data", cluster.folder.path("some.npz"), "--batch-size", "1"]
        let failed = try cluster.ask(words + ["--shard-batches", "4", "--wait"])
        #expect(failed.status == 65)
        #expect(failed.errors.contains("Sample 5:") && failed.errors.contains("NaN"), "\(failed.errors)")
        let skipped = try cluster.ask(words + ["--shard-batches", "4", "--on-poison", "skip", "--wait", "--json"])
        #expect(skipped.status == 0, "\(skipped.errors)")
        let job = try Documents.decode(JobDocument.self, from: Array(skipped.output.utf8))
        #expect(job.poisonedSamples.map(\.sample) == [5])
        // Every shard of this one is a sample.
        let single = try cluster.ask(words + ["--shard-batches", "1", "--on-poison", "skip", "--wait", "--json"])
        #expect(single.status == 0, "\(single.errors)")
        let outcome = try cluster.ask(["result", "3", "--output", cluster.folder.path("o.onnx")])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let manifest = try String(contentsOfFile: cluster.folder.path("o.manifest.json"), encoding: .utf8)
        #expect(manifest.contains("NaN"))
    }

    @Test func metricsAreFed() throws {
        let cluster = try DaemonCluster(workers: 1, http: "127.0.0.1:0")
        let submitted = try cluster.ask(
            ["submit", Example.model] + Self.options + ["--data-delivery", "stream", "--wait"])
        #expect(submitted.status == 0, "\(submitted.errors)")
        // The utilization of the worker is looked at once a second.
        #expect(becomesTrue { (try? cluster.status(1).workersReady) == 1 })
        let url = try #require(cluster.httpAddress().flatMap { URL(string: $0 + "/metrics") })
        var values: [String: Double] = [:]
        #expect(
            becomesTrue {
                let text = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
                for line in text.split(separator: "\n") where !line.hasPrefix("#") {
                    guard let space = line.lastIndex(of: " ") else { continue }
                    values[String(line[..<space])] = Double(line[line.index(after: space)...])
                }
                return values.keys.contains { $0.hasPrefix("tare_device_utilization_ratio") }
            })
        #expect(values["tare_samples_total"] == 256)
        #expect(values["tare_shard_attempts_total{outcome=\"finished\"}"] == 64)
        #expect(values["tare_shard_commits_total{result=\"accepted\"}"] == 64)
        #expect(values["tare_worker_sessions_total"] == 1)
        for name in [
            "tare_shard_duration_seconds_count", "tare_store_transaction_seconds_count",
            "tare_event_loop_lag_seconds_count", "tare_state_dir_bytes",
            "tare_transfer_bytes_total{direction=\"received\",kind=\"statistics\"}",
            "tare_transfer_bytes_total{direction=\"sent\",kind=\"samples\"}",
            "tare_transfer_bytes_total{direction=\"sent\",kind=\"model\"}",
        ] {
            #expect(values[name] ?? 0 > 0, "\(name)")
        }
    }

    @Test func submissionsEndAsTheyWouldHaveEndedHere() throws {
        let cluster = try DaemonCluster(workers: 0)
        try Data("no model".utf8).write(to: URL(filePath: cluster.folder.path("broken.onnx")))
        for (model, data, status) in [
            (Example.model, cluster.folder.path("missing.npz"), 66),
            (cluster.folder.path("missing.onnx"), Example.calibration, 66),
            (cluster.folder.path("broken.onnx"), Example.calibration, 65),
        ] {
            let refused = try cluster.ask(["submit", model, "--data", data])
            #expect(refused.status == status, "\(refused.errors)")
        }
    }

    @Test func aDamagedStateIsRefusedByName() throws {
        let cluster = try DaemonCluster(workers: 1)
        try Arrays.write(["image": Arrays.images(2000)], to: cluster.folder.path("many.npz"))
        let submitted = try cluster.ask(
            ["submit", Example.model, "--data", cluster.folder.path("many.npz"), "--batch-size", "4"])
        #expect(submitted.status == 0, "\(submitted.errors)")
        #expect(becomesTrue { (try? cluster.status(1).shardsDone) ?? 0 > 3 })
        try cluster.killWorker()
        let state = URL(filePath: cluster.folder.path("state"))
        try cluster.restartCoordinator {
            // Statistics fill most pages: a flipped bit in the middle of each page hits some of them.
            for name in try FileManager.default.contentsOfDirectory(atPath: state.path) where name.contains("sqlite") {
                var bytes = try Data(contentsOf: state.appending(path: name))
                for offset in stride(from: 8192 + 2000, to: bytes.count, by: 4096) { bytes[offset] ^= 4 }
                try bytes.write(to: state.appending(path: name))
            }
        }
        let outcome = try cluster.coordinator.finish()
        #expect([65, 74].contains(outcome.status))
        #expect(outcome.errors.contains("state.sqlite"), "\(outcome.errors)")
    }

    @Test func aCancelledJobStaysCancelled() throws {
        let cluster = try DaemonCluster(workers: 0)
        #expect(try cluster.ask(["submit", Example.model] + Self.options).status == 0)
        let cancelled = try cluster.ask(["cancel", "1", "--reason", "a mistake"])
        #expect(cancelled.status == 0, "\(cancelled.errors)")
        try cluster.restartCoordinator()
        let job = try cluster.status(1)
        #expect(job.state == .cancelled)
        #expect(job.failure?.text.contains("a mistake") == true)
        #expect(try cluster.ask(["result", "1", "--output", cluster.folder.path("o.onnx")]).status == 65)
    }

    @Test func jobsReadOnlyWhatTheOperatorAllows() throws {
        let cluster = try DaemonCluster(workers: 0)
        let secret = try TemporaryFolder()
        try Data(contentsOf: URL(filePath: Example.model)).write(to: URL(filePath: secret.path("m.onnx")))
        try FileManager.default.createSymbolicLink(
            atPath: cluster.folder.path("link.onnx"), withDestinationPath: secret.path("m.onnx"))
        for model in [secret.path("m.onnx"), cluster.folder.path("link.onnx"), "/etc/passwd", "/nonexistent/m.onnx"] {
            let refused = try cluster.ask(["submit", model, "--data", Example.calibration])
            #expect(refused.status == 77, "\(refused.errors)")
            #expect(refused.errors.contains("outside of the folders"), "\(refused.errors)")
        }
    }

    @Test func oneCoordinatorForEachStateDirectory() throws {
        let cluster = try DaemonCluster(workers: 0)
        #expect(becomesTrue { cluster.coordinator.errorsSoFar.contains("listening") })
        let second = try TareProcess.run(
            [
                "coordinator", "--state-dir", cluster.folder.path("state"), "--listen",
                "ipc://\(cluster.folder.path("x"))", "--http", "none",
            ],
            in: cluster.folder.url)
        #expect(second.status == 75)
        #expect(second.errors.contains("\(cluster.coordinator.identifier)"), "\(second.errors)")
    }

    @Test func drainedWorkersLeave() throws {
        let cluster = try DaemonCluster(workers: 2)
        #expect(becomesTrue { (try? cluster.workerCount()) == 2 })
        #expect(try cluster.ask(["drain", "all"]).status == 0)
        for worker in cluster.workers { #expect(try worker.finish().status == 75) }
    }
}
