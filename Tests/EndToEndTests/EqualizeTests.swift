import Foundation
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
        #expect(outcome.output.contains("\"largestDifference\" : 0"), "\(outcome.output)")
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
}
