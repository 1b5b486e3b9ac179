import Calibration
import ControlAPI
import Conversion
import Execution
import Foundation
import Graphs
import ONNXFormat
import Quantization
import Tensors
import TestSupport
import Testing

/// `--observer histogram:megengine` and `histogram:torch`: two passes over the data on the cluster, the numbers of one process.
@Suite struct HistogramTests {
    private static let files = ["int8.onnx", "int8.manifest.json", "statistics.safetensors"]

    /// Calibrates with batches of 6, so that the last one is smaller.
    private static func calibrate(
        _ options: [String], data: String = Example.calibration
    ) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let outcome = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", data, "--batch-size", "6", "--shard-batches", "2", "--output",
                folder.path("int8.onnx"), "--statistics", folder.path("statistics.safetensors"),
            ] + options, in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return folder
    }

    private static func manifest(_ folder: TemporaryFolder) throws -> ResultManifest {
        try ResultManifest(jsonBytes: Array(Data(contentsOf: folder.url.appending(path: "int8.manifest.json"))))
    }

    /// Gathers the elements of each tensor of one batch.
    private final class ElementTap: TensorTap {
        private(set) var elements: [String: [Float]] = [:]

        func observe(_ value: String, elements: Span<Float>) {
            for index in elements.indices { self.elements[value, default: []].append(elements[index]) }
        }
    }

    /// What one process without a cluster observes, batch after batch.
    private static func observers(_ specification: ObserverSpecification) throws -> [String: ObserverState] {
        let prepared = try PreparedGraph(ONNXModel.load(from: URL(filePath: Example.model)).graph)
        let names = try QuantizationPlan(prepared, options: QuantizationOptions()).observedTensors
        let executor = try AcceleratedExecutor(prepared.graph, observing: names)
        let images = try NPZFile(path: Example.calibration).tensor("image")
        let (count, pixels) = (images.shape[0], images.elementCount / images.shape[0])
        let elements = images.elements(as: Float.self)
        var observers = Dictionary(uniqueKeysWithValues: names.map { ($0, ObserverState(specification)) })
        for start in stride(from: 0, to: count, by: 6) {
            let samples = min(6, count - start)
            let batch = Tensor(
                shape: Shape([samples] + images.shape.dimensions.dropFirst()),
                elements: Array(elements[start * pixels..<(start + samples) * pixels]))
            let tap = ElementTap()
            _ = try executor.run(["image": batch], tap: tap)
            for name in names {
                let observed = try #require(tap.elements[name])
                observers[name]?.observe(observed.span)
            }
        }
        return observers
    }

    @Test(arguments: [
        ("histogram:megengine", ObserverSpecification.HistogramForm.megengine, 2048, 128),
        ("histogram:torch", .torch, 2048, 16), ("histogram:torch:512:7", .torch, 512, 7),
    ])
    func theClusterHasTheHistogramsOfOneProcess(
        method: String, form: ObserverSpecification.HistogramForm, bins: Int, rate: Int
    ) throws {
        let one = try Self.calibrate(["--observer", method, "--workers", "1"])
        let three = try Self.calibrate(
            ["--observer", method, "--workers", "3", "--data-delivery", "stream", "--transport", "tcp"])
        for name in Self.files { #expect(try digest(one.path(name)) == digest(three.path(name)), "\(name)") }

        let statistics = try CalibrationStatistics(path: three.path("statistics.safetensors"))
        let manifest = try Self.manifest(three)
        #expect(manifest.choices.observer == "histogram:\(form.rawValue):\(bins):\(rate)")
        #expect(manifest.histogramPlan?.shards == manifest.plan?.shards)
        let observers = try Self.observers(
            ObserverSpecification(
                .histogram(bins: bins, upsampleRate: rate, form: form), dtype: .quint8, mode: .asymmetric))
        #expect(observers.count == statistics.tensors.count && !observers.isEmpty)
        for (name, observer) in observers.sorted(by: { $0.key < $1.key }) {
            let ranged = try #require(statistics.tensors[name]?.rangedHistogram, "\(name)")
            #expect(ranged.counts == observer.tensors.last?.elements(as: Float.self), "\(name)")
            let range = try #require(ranged.ranges.range)
            #expect(try #require(observer.extremes) == (range.minimum, range.maximum), "\(name)")
            // Where no activation function is replaced, the scale is the observer's, but for rounding.
            if name == "image" || name == "logits" {
                let scale = try #require(manifest.activations.first { $0.name == name }?.scale)
                let expected = try observer.quantParameters()
                #expect(abs(scale - expected.scale) <= 1e-6 * expected.scale, "\(name)")
            }
        }

        // The statistics alone are enough for the same model again, and not for another form.
        let quantize = [
            "quantize", Example.model, "--statistics", three.path("statistics.safetensors"), "--output",
            three.path("again.onnx"), "--observer",
        ]
        let again = try TareProcess.run(quantize + [method], in: three.url)
        #expect(again.status == 0, "\(again.errors)")
        #expect(try digest(three.path("again.onnx")) == digest(three.path("int8.onnx")))
        let other = try TareProcess.run(quantize + ["histogram:megengine:99"], in: three.url)
        #expect(other.status == 65 && other.errors.contains("second pass"), "\(other.errors)")
        let inspected = try TareProcess.run(["inspect", three.path("statistics.safetensors")], in: three.url)
        #expect(inspected.output.contains("\(form.rawValue):\(bins):\(rate)"), "\(inspected.output)")
    }

    @Test func killedWorkersDoNotChangeTheHistograms() throws {
        let data = try TemporaryFolder()
        try Arrays.write(["image": Arrays.images(3000)], to: data.path("images.npz"))
        let options = ["--qconfig", "calibration", "--workers"]
        let undisturbed = try Self.calibrate(options + ["1"], data: data.path("images.npz"))
        let folder = try TemporaryFolder()
        let process = try TareProcess(
            [
                "calibrate", Example.model, "--data", data.path("images.npz"), "--batch-size", "6", "--shard-batches",
                "2", "--output", folder.path("int8.onnx"), "--statistics", folder.path("statistics.safetensors"),
            ] + options + ["3"], in: folder.url)
        let killed = process.killWorkers(4)
        let outcome = try process.finish()
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(killed >= 2)
        for name in Self.files { #expect(try digest(undisturbed.path(name)) == digest(folder.path(name)), "\(name)") }
        #expect(try Self.manifest(folder).choices.observer == "histogram:megengine:2048:128")
    }

    @Test func theDaemonCountsInASecondJobAlsoAfterAKill() throws {
        let cluster = try DaemonCluster(workers: 2)
        let folder = cluster.folder
        try Arrays.write(["image": Arrays.images(2000)], to: folder.path("images.npz"))
        let options = ["--batch-size", "6", "--shard-batches", "2", "--observer", "histogram:torch"]
        let submitted = try cluster.ask(
            ["submit", Example.model, "--data", folder.path("images.npz"), "--evaluate", "12"] + options)
        #expect(submitted.status == 0, "\(submitted.errors)")
        #expect(becomesTrue(within: .seconds(60)) { ((try? cluster.status(1))?.followUp).map { $0 == 2 } ?? false })
        #expect(becomesTrue(within: .seconds(60)) { ((try? cluster.status(2))?.shardsDone ?? 0) > 3 })
        try cluster.killWorker()
        try cluster.restartCoordinator()
        try cluster.addWorker()
        #expect(becomesTrue(within: .seconds(120)) { cluster.hasEnded(3) })
        #expect(try cluster.status(2).name == "histograms of job 1")
        #expect(try cluster.status(3).name == "evaluation of job 2")
        #expect(try cluster.status(1).results.map(\.name) == ["statistics"])

        let result = try cluster.ask(
            [
                "result", "1", "--output", folder.path("int8.onnx"), "--statistics",
                folder.path("statistics.safetensors"),
            ])
        #expect(result.status == 0 && result.errors.contains("job 2"), "\(result.errors)")
        let local = try Self.calibrate(
            ["--observer", "histogram:torch", "--workers", "1"], data: folder.path("images.npz"))
        for name in ["int8.onnx", "statistics.safetensors"] {
            #expect(try digest(folder.path(name)) == digest(local.path(name)), "\(name)")
        }
        #expect(try Self.manifest(folder).histogramPlan == Self.manifest(local).histogramPlan)
    }

    @Test func samplesThatTheFirstPassLeftOutStayOut() throws {
        let cluster = try DaemonCluster(workers: 2)
        let folder = cluster.folder
        try Arrays.write(["image": Arrays.images(12, notANumberAt: 5)], to: folder.path("some.npz"))
        var digests: Set<String> = []
        for (job, shardBatches) in [(2, "3"), (4, "1")] {
            let outcome = try cluster.ask(
                [
                    "submit", Example.model, "--data", folder.path("some.npz"), "--batch-size", "2", "--shard-batches",
                    shardBatches, "--on-poison", "skip", "--observer", "histogram:megengine", "--wait",
                ])
            #expect(outcome.status == 0, "\(outcome.errors)")
            let result = try cluster.ask(["result", "\(job)", "--output", folder.path("int8.onnx")])
            #expect(result.status == 0, "\(result.errors)")
            #expect(try Self.manifest(folder).data?.skipped.map(\.sample) == ["sample 5"])
            digests.insert(try digest(folder.path("int8.onnx")))
        }
        #expect(digests.count == 1)
    }
}
