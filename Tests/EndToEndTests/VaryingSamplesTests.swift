import Calibration
import Execution
import Foundation
import Graphs
import ONNXFormat
import Quantization
import Tensors
import TestSupport
import Testing

/// Samples of different sizes in one job, a batch that is not the outermost axis of every input, and an input that all samples share.
@Suite struct VaryingSamplesTests {
    private static let batch = Graphs.Dimension.symbol("N")

    /// Means of the channels of a convolution of an image of any size, plus the sum of a state [2, N, 4], times a gain.
    private static func graph() -> Graph {
        var random = SeededGenerator(seed: 12)
        func tensor(_ shape: Shape) -> Tensor {
            Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in Float(random.normal()) })
        }
        func value(_ name: String, _ dimensions: [Graphs.Dimension]?) -> Graph.Value {
            Graph.Value(name: name, type: TensorType(elementType: .float32, dimensions: dimensions))
        }
        return Graph(
            name: "varying",
            inputs: [
                value("image", [batch, 1, .symbol("H"), .symbol("W")]), value("state", [2, batch, 4]),
                value("gain", []),
            ],
            outputs: [value("scores", [batch, 3])],
            initializers: [
                "kernel": tensor([4, 1, 3, 3]), "weight": tensor([4, 3]), "bias": tensor([3]),
                "axes": Tensor(shape: [1], elements: [0] as [Int64]),
            ],
            nodes: [
                Node(
                    name: "Conv", op: .convolution(ConvolutionAttributes()), inputs: ["image", "kernel"], outputs: ["c"]
                ),
                Node(name: "Relu", op: .unary(.relu), inputs: ["c"], outputs: ["r"]),
                Node(name: "Pool", op: .globalAveragePool, inputs: ["r"], outputs: ["p"]),
                Node(name: "Flatten", op: .flatten(axis: 1), inputs: ["p"], outputs: ["f"]),
                Node(
                    name: "Sum", op: .reduce(ReductionAttributes(function: .sum, keepsAxes: false)),
                    inputs: ["state", "axes"], outputs: ["s"]),
                Node(name: "Add", op: .binary(.add), inputs: ["f", "s"], outputs: ["a"]),
                Node(name: "Mul", op: .binary(.multiply), inputs: ["a", "gain"], outputs: ["g"]),
                Node(name: "Gemm", op: .gemm(GemmAttributes()), inputs: ["g", "weight", "bias"], outputs: ["scores"]),
            ])
    }

    private static func value(_ word: UInt64) -> Float { Float(word >> 40) / Float(1 << 24) - 0.4 }

    /// Two files: images of 9x7 and of 6x12, with gains that come in twos.
    private static func writeSamples(_ folder: TemporaryFolder) throws -> [String] {
        var random = SeededGenerator(seed: 3)
        var paths: [String] = []
        for (name, extents, count) in [("a", [9, 7], 10), ("b", [6, 12], 8)] {
            func tensor(_ shape: [Int]) -> Tensor {
                Tensor(
                    shape: Shape([count] + shape),
                    elements: (0..<count * shape.reduce(1, *)).map { _ in value(random.next()) })
            }
            let gains = (0..<count).map { Float(1 + $0 / 2 % 2) }
            try NPZFile.write(
                [
                    "image": tensor([1] + extents), "state": tensor([2, 4]),
                    "gain": Tensor(shape: [count], elements: gains),
                ], to: folder.path("\(name).npz"))
            paths.append(folder.path("\(name).npz"))
        }
        return paths
    }

    @Test func theyCalibrateToTheSameBytesOnAnyNumberOfWorkers() throws {
        let folder = try TemporaryFolder()
        try ONNXModel.write(Self.graph(), to: folder.url.appending(path: "model.onnx"))
        let data = try Self.writeSamples(folder).flatMap { ["--data", $0] }
        var digests: [String: Set<String>] = [:]
        for (workers, options) in [("1", []), ("3", []), ("2", ["--data-delivery", "stream"])] {
            let outcome = try TareProcess.run(
                [
                    "calibrate", folder.path("model.onnx"), "--batch-size", "4", "--shard-batches", "1", "--workers",
                    workers, "--output", folder.path("int8.onnx"), "--statistics",
                    folder.path("statistics.safetensors"),
                ] + data + options, in: folder.url)
            try #require(outcome.status == 0, "\(outcome.errors)")
            for name in ["int8.onnx", "statistics.safetensors"] {
                digests[name, default: []].insert(try digest(folder.path(name)))
            }
        }
        for (name, found) in digests { #expect(found.count == 1, "\(name)") }
        // What is observed is that of all samples, one by one.
        let expected = try Self.range(of: "scores", folder)
        let statistics = try CalibrationStatistics(path: folder.path("statistics.safetensors"))
        let scores = try #require(statistics.tensors["scores"])
        let range = try #require(scores.range)
        #expect(scores.counts.total == 18 * 3 && scores.batches.count == 5)
        #expect(abs(range.minimum - expected.lowerBound) < 1e-5 && abs(range.maximum - expected.upperBound) < 1e-5)

        for options in [["--observer", "histogram:torch"], ["--observer", "ema"]] {
            let outcome = try TareProcess.run(
                [
                    "calibrate", folder.path("model.onnx"), "--batch-size", "4", "--workers", "2", "--output",
                    folder.path("other.onnx"),
                ] + data + options, in: folder.url)
            #expect(outcome.status == 0, "\(options): \(outcome.errors)")
        }
    }

    @Test func theyEvaluate() throws {
        let folder = try TemporaryFolder()
        try ONNXModel.write(Self.graph(), to: folder.url.appending(path: "model.onnx"))
        let data = try Self.writeSamples(folder).flatMap { ["--data", $0] }
        let calibrated = try TareProcess.run(
            ["calibrate", folder.path("model.onnx"), "--workers", "1", "--output", folder.path("int8.onnx")] + data,
            in: folder.url)
        try #require(calibrated.status == 0, "\(calibrated.errors)")
        var reports: Set<String> = []
        for workers in ["1", "2"] {
            let evaluated = try TareProcess.run(
                [
                    "evaluate", folder.path("model.onnx"), folder.path("int8.onnx"), "--batch-size", "4", "--workers",
                    workers, "--json",
                ] + data, in: folder.url)
            try #require(evaluated.status == 0, "\(evaluated.errors)")
            let report = try #require(
                JSONSerialization.jsonObject(with: Data(evaluated.output.utf8)) as? [String: Any])
            let layers = try #require(report["layers"] as? [[String: Any]])
            let output = try #require(layers.first { $0["isOutput"] as? Bool == true })
            let quality = try #require((output["total"] as? [String: Any])?["sqnrDecibels"] as? Double)
            #expect(quality > 25)
            reports.insert("\(quality)")
        }
        #expect(reports.count == 1)
    }

    /// Smallest and largest element of a value over all samples, each run by itself.
    private static func range(of name: String, _ folder: TemporaryFolder) throws -> ClosedRange<Float> {
        let executor = try ReferenceExecutor(graph())
        var elements: [Float] = []
        for file in ["a", "b"] {
            let arrays = try NPZFile(path: folder.path("\(file).npz"))
            let (images, states, gains) = (
                try arrays.tensor("image"), try arrays.tensor("state"), try arrays.tensor("gain")
            )
            for index in 0..<images.shape[0] {
                let outputs = try executor.run([
                    "image": images.slice(outermost: index..<index + 1),
                    "state": states.slice(outermost: index..<index + 1).reshaped(to: [2, 1, 4]),
                    "gain": gains.slice(outermost: index..<index + 1).reshaped(to: []),
                ])
                elements += outputs[name]?.elements(as: Float.self) ?? []
            }
        }
        let (smallest, largest) = (try #require(elements.min()), try #require(elements.max()))
        return smallest...largest
    }
}
