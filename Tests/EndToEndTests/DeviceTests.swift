import Foundation
import TestSupport
import Testing

/// The simulated device from the command line: backends, cycles, dumps, logs.
@Suite struct DeviceTests {
    private static func run(
        _ folder: TemporaryFolder, _ options: [String], environment: [String: String] = [:]
    ) throws -> TareProcess.Outcome {
        try TareProcess.run(
            ["run", Example.model, "--input", Example.evaluation, "--labels", "label"] + options, in: folder.url,
            environment: environment)
    }

    private static func names(in folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    private struct Summary: Decodable {
        struct Accuracy: Decodable { let correct: Int }
        struct Device: Decodable {
            struct Row: Decodable {
                let name: String
                let kind: String
                let cycles: Int
            }
            let device: String
            let totalCycles: Int
            let rows: [Row]
        }
        let accuracy: Accuracy
        let device: Device
    }

    @Test func bothBackendsClassifyAlikeAndSayWhereTheCyclesGo() throws {
        let folder = try TemporaryFolder()
        var totals: [String: Int] = [:]
        for backend in ["cnnl", "magicmind"] {
            let outcome = try Self.run(folder, ["--backend", backend, "--profile", "--json", "--device", "edge"])
            try #require(outcome.status == 0, "\(outcome.errors)")
            let summary = try JSONDecoder().decode(Summary.self, from: Data(outcome.output.utf8))
            #expect(summary.accuracy.correct == 444 && summary.device.device == "edge")
            #expect(
                summary.device.rows.contains { $0.name.hasPrefix("/pool/") && $0.kind == "kernel" && $0.cycles > 0 })
            // Its convolutions are not quantized.
            #expect(outcome.errors.contains("10 nodes ran on the host"))
            totals[backend] = summary.device.totalCycles
        }
        #expect(try #require(totals["magicmind"]) < #require(totals["cnnl"]))
    }

    @Test func iterationsMakeTheGuidesDirectories() throws {
        let folder = try TemporaryFolder()
        let outcome = try Self.run(
            folder,
            [
                "--backend", "cnnl", "--dump-dir", folder.path("dump"), "--dump-iterations", "0-3", "--dump-level", "2",
                "--compare-cpu",
            ])
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(try Self.names(in: folder.url) == ["dump_iter_0", "dump_iter_1", "dump_iter_2", "dump_iter_3"])
        let first = folder.url.appending(path: "dump_iter_0")
        #expect(try Self.names(in: first).contains("1_convolution_overrideable"))
        let relu = first.appending(path: "3_relu")
        #expect(try Self.names(in: relu) == ["cnnl_result", "cpu_result", "mlu_self"])
        let text = try String(contentsOf: relu.appending(path: "cnnl_result"), encoding: .utf8)
        #expect(text.hasPrefix("Tensor : Type = Float : Shape = [32, 8, 32, 32] : Dumped = 262144\n"))
        #expect(text.split(separator: "\n").count == 262_145)
        // The same again does not overwrite anything.
        _ = try Self.run(folder, ["--backend", "cnnl", "--dump-dir", folder.path("dump"), "--dump-iterations", "0"])
        #expect(try Self.names(in: folder.url).count == 5)
    }

    @Test func withoutIterationsOneDumpHoldsAllBatches() throws {
        let folder = try TemporaryFolder()
        let outcome = try Self.run(folder, ["--backend", "cnnl", "--dump-dir", folder.path("dump")])
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(try Self.names(in: folder.url) == ["dump"])
        // 31 operators of each of 15 batches, counted through.
        let calls = try Self.names(in: folder.url.appending(path: "dump"))
        #expect(calls.count == 31 * 15 && calls.contains { $0.hasPrefix("465_") })
        #expect(outcome.errors.contains("dumped 465 operators"))
    }

    @Test func onlyTheEagerBackendDumps() throws {
        let folder = try TemporaryFolder()
        for backend in ["cpu", "magicmind"] {
            let outcome = try Self.run(folder, ["--backend", backend, "--dump-dir", folder.path("dump")])
            #expect(outcome.status == 64 && outcome.errors.contains("--dump-dir is for --backend cnnl"))
        }
        #expect(try Self.names(in: folder.url).isEmpty)
    }

    @Test func fourWorkersDumpAtOnceAndTheModelStaysTheSame() throws {
        let folder = try TemporaryFolder()
        func calibrate(_ name: String, _ options: [String]) throws -> Data {
            let outcome = try TareProcess.run(
                [
                    "calibrate", Example.model, "--data", Example.calibration, "--workers", "4", "--output",
                    folder.path(name),
                ] + options, in: folder.url)
            try #require(outcome.status == 0, "\(outcome.errors)")
            return try Data(contentsOf: folder.url.appending(path: name))
        }
        let plain = try calibrate("plain.onnx", [])
        #expect(try calibrate("dumped.onnx", ["--dump-dir", folder.path("dump"), "--dump-level", "1"]) == plain)
        let dump = folder.url.appending(path: "dump")
        var batches: [String] = []
        for worker in try Self.names(in: dump) {
            #expect(worker.hasPrefix("worker_"))
            batches += try Self.names(in: dump.appending(path: worker))
        }
        // Every batch has exactly one dump, whoever computed it, unless a second attempt was begun for speed.
        #expect(Set(batches).isSuperset(of: (0..<32).map { "iter_\($0)" }))
    }

    @Test func theTwoLogsHaveVariablesOfTheirOwn() throws {
        let folder = try TemporaryFolder()
        let eager = try Self.run(folder, ["--backend", "cnnl"], environment: ["TORCH_MIN_CNLOG_LEVEL": "-1"])
        let calls = eager.errors.split(separator: "\n").filter { $0.hasPrefix("[DEBUG]") }
        // 31 operators for each of 15 batches.
        #expect(calls.count == 31 * 15)
        #expect(calls.contains { $0.contains("[add]") && $0.contains("alpha[value: 1] ") })
        let other = try Self.run(folder, ["--backend", "cnnl"], environment: ["MM_CPP_MIN_LOG_LEVEL": "0"])
        #expect(!other.errors.contains("[DEBUG]") && !other.errors.contains("[INFO]"))
        let traced = try Self.run(
            folder, ["--backend", "magicmind"],
            environment: ["MM_CPP_MIN_LOG_LEVEL": "0", "TORCH_MIN_CNLOG_LEVEL": "3"])
        #expect(traced.errors.contains("[INFO]") && traced.errors.contains("nodes became"))
    }

    @Test func aDeviceThatDoesNotExistIsNamed() throws {
        let folder = try TemporaryFolder()
        let outcome = try Self.run(folder, ["--backend", "cnnl", "--device", "nowhere.json"])
        #expect(outcome.status == 78)
        #expect(outcome.errors.contains("The device 'nowhere.json' cannot be used"))
    }
}
