import Foundation
import Graphs
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// `tare equalize`: the same function, and a model that per-tensor quantization hurts less.
@Suite struct EqualizeTests {
    private static let mobile = Fixtures.directory.appending(path: "models/fmnist_mobile.onnx").path

    /// Random images in the range that the model was trained on.
    private static func images(_ count: Int, seed: UInt64) -> Tensor {
        var random = SeededGenerator(seed: seed)
        return Tensor(
            shape: [count, 1, 28, 28], elements: (0..<count * 784).map { _ in abs(random.normal()) - 0.8 })
    }

    /// Signal to noise of the model's scores after calibration per tensor, in decibels.
    private static func quality(_ model: String, of name: String, in folder: TemporaryFolder) throws -> Double {
        let quantized = folder.path("\(name).int8.onnx")
        let calibrated = try TareProcess.run(
            [
                "calibrate", model, "--data", folder.path("images.npz"), "--observer", "minmax",
                "--weight-granularity", "per-tensor", "--workers", "1", "--output", quantized,
            ], in: folder.url)
        try #require(calibrated.status == 0, "\(calibrated.errors)")
        let evaluated = try TareProcess.run(
            ["evaluate", model, quantized, "--data", folder.path("images.npz"), "--workers", "1", "--json"],
            in: folder.url)
        try #require(evaluated.status == 0, "\(evaluated.errors)")
        let report = try JSONSerialization.jsonObject(with: Data(evaluated.output.utf8)) as? [String: Any]
        let layers = try #require(report?["layers"] as? [[String: Any]])
        let output = try #require(layers.first { $0["isOutput"] as? Bool == true })
        return try #require((output["total"] as? [String: Any])?["sqnrDecibels"] as? Double)
    }

    @Test func aDepthwiseNetworkIsHurtLess() throws {
        let folder = try TemporaryFolder()
        try NPZFile.write(["image": Self.images(96, seed: 5)], to: folder.path("images.npz"))
        let outcome = try TareProcess.run(
            [
                "equalize", Self.mobile, "--data", folder.path("images.npz"), "--output", folder.path("equalized.onnx"),
                "--json",
            ], in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let report = try #require(
            JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any], "\(outcome.output)")
        #expect(report["largestDifference"] as? Double == 0)
        #expect((report["pairs"] as? [Any])?.isEmpty == false)
        let before = try Self.quality(Self.mobile, of: "before", in: folder)
        let after = try Self.quality(folder.path("equalized.onnx"), of: "after", in: folder)
        #expect(after > before + 3, "\(before) dB before, \(after) dB after")
    }

    @Test func whatCannotBeEqualizedIsRefused() throws {
        let folder = try TemporaryFolder()
        let lstm = Fixtures.directory.appending(path: "models/fmnist_lstm.onnx").path
        try NPZFile.write(["image": Self.images(4, seed: 6)], to: folder.path("images.npz"))
        let outcome = try TareProcess.run(
            ["equalize", lstm, "--data", folder.path("images.npz"), "--output", folder.path("out.onnx")], in: folder.url
        )
        #expect(outcome.status == 65 && outcome.errors.contains("nothing to equalize"), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("out.onnx")))
        let same = try TareProcess.run(
            ["equalize", Self.mobile, "--data", folder.path("images.npz"), "--output", folder.path("images.npz")],
            in: folder.url)
        #expect(same.status == 64, "\(same.errors)")
    }

    /// Two linear layers over pairs of numbers.
    private static func writeLinearLayers(
        _ first: [Float], _ second: [Float] = [Float(sign: .plus, exponent: -10, significand: 1), 1],
        to folder: TemporaryFolder
    ) throws -> String {
        func value(_ name: String, _ extent: Int) -> Graph.Value {
            Graph.Value(
                name: name, type: TensorType(elementType: .float32, dimensions: [.symbol("N"), .fixed(extent)]))
        }
        let graph = Graph(
            name: "layers", inputs: [value("x", 2)], outputs: [value("y", 1)],
            initializers: [
                "first": Tensor(shape: [2, 2], elements: first), "second": Tensor(shape: [2, 1], elements: second),
            ],
            nodes: [
                Node(name: "first", op: .gemm(GemmAttributes()), inputs: ["x", "first"], outputs: ["a"]),
                Node(name: "relu", op: .unary(.relu), inputs: ["a"], outputs: ["r"]),
                Node(name: "second", op: .gemm(GemmAttributes()), inputs: ["r", "second"], outputs: ["y"]),
            ])
        try ONNXModel.write(graph, to: folder.url.appending(path: "layers.onnx"))
        return folder.path("layers.onnx")
    }

    private static func expectRefusal(
        _ write: (TemporaryFolder) throws -> String, samples: [Float], says text: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try expectFailure(
            status: 65, saying: [text], leaving: ["data.npy", "layers.onnx"], sourceLocation: sourceLocation
        ) { folder in
            try NPYFile.write(
                Tensor(shape: [samples.count / 2, 2], elements: samples), to: folder.path("data.npy"))
            return [
                "equalize", try write(folder), "--data", folder.path("data.npy"), "--output",
                folder.path("out.onnx"),
            ]
        }
    }

    @Test func aModelThatWouldComputeSomethingElseIsNotWritten() throws {
        // The second weight of the first channel is lost when the channel is divided by 32.
        try Self.expectRefusal(
            { try Self.writeLinearLayers([1, 1, 7 * .leastNonzeroMagnitude, 0], to: $0) }, samples: [1, 1, 0, 1e10],
            says: "would compute something else")
        // Infinity less infinity is no number, before and after.
        try Self.expectRefusal(
            { try Self.writeLinearLayers([.infinity, .infinity, 1, 1], [1, -1], to: $0) }, samples: [1, 0],
            says: "would compute something else")
        try Self.expectRefusal(
            { try Self.writeLinearLayers([1, 1, 1, 1], to: $0) }, samples: [1, 2, 3, .nan], says: "data.npy[1]")
    }

    @Test func externalDataOfTheModelAreNotReplaced() throws {
        let folder = try TemporaryFolder()
        let model = folder.url.appending(path: "layers.onnx")
        try ONNXModel.write(
            ONNXModel.load(from: URL(filePath: Self.mobile)).graph, to: model,
            options: ONNXExportOptions(externalDataThreshold: 0))
        let before = try digest(folder.path("layers.onnx.data"))
        try NPZFile.write(["image": Self.images(2, seed: 7)], to: folder.path("data.npz"))
        // By the name itself, and by the name that the data of the output would get.
        for name in ["layers.onnx.data", "other.onnx"] {
            if name == "other.onnx" {
                try FileManager.default.createSymbolicLink(
                    atPath: folder.path("other.onnx.data"), withDestinationPath: folder.path("layers.onnx.data"))
            }
            let outcome = try TareProcess.run(
                ["equalize", model.path, "--data", folder.path("data.npz"), "--output", folder.path(name)],
                in: folder.url)
            #expect(outcome.status == 64 && outcome.errors.contains("which is read"), "\(name): \(outcome.errors)")
        }
        #expect(try digest(folder.path("layers.onnx.data")) == before)
    }
}
