import Calibration
import Foundation
import ONNXFormat
import TestSupport
import Testing

/// Statistics that do not belong to what they are used for, and models whose weights lie in another file.
@Suite struct StatisticsTests {
    @Test func statisticsOfAnotherModelAreRefused() throws {
        let folder = try TemporaryFolder()
        let statistics = try Self.statistics(of: Example.model, in: folder)
        try Self.writeModel(to: folder.path("other.onnx"), externalDataThreshold: 1 << 30)
        try Self.expectRefusal(
            ["other.onnx", "another model"], model: folder.path("other.onnx"), statistics: statistics, in: folder)
    }

    @Test func statisticsWithoutANeededTensorAreRefused() throws {
        let folder = try TemporaryFolder()
        let whole = try CalibrationStatistics(path: try Self.statistics(of: Example.model, in: folder))
        let name = try #require(whole.tensors.keys.sorted().first)
        let partial = try CalibrationStatistics(
            modelDigest: whole.modelDigest, planDigest: whole.planDigest,
            tensors: whole.tensors.filter { $0.key != name })
        try partial.write(to: folder.path("partial.safetensors"))
        try Self.expectRefusal(
            [name], model: Example.model, statistics: folder.path("partial.safetensors"), in: folder)
    }

    @Test func damagedStatisticsAreRefused() throws {
        let folder = try TemporaryFolder()
        let path = try Self.statistics(of: Example.model, in: folder)
        let bytes = try Data(contentsOf: URL(filePath: path))
        try bytes.prefix(bytes.count / 2).write(to: folder.url.appending(path: "half.safetensors"))
        try Self.expectRefusal(
            ["half.safetensors"], model: Example.model, statistics: folder.path("half.safetensors"), in: folder)
        try Self.expectRefusal(
            ["calibration.npz"], model: Example.model, statistics: Example.calibration, in: folder)
    }

    @Test(arguments: ["shared", "stream"])
    func externalDataGiveTheSameStatistics(delivery: String) throws {
        let folder = try TemporaryFolder()
        try Self.writeModel(to: folder.path("inline.onnx"), externalDataThreshold: 1 << 30)
        try Self.writeModel(to: folder.path("external.onnx"), externalDataThreshold: 0)
        #expect(try folder.names.contains("external.onnx.data"))
        let options = ["--workers", "2", "--shard-batches", "4", "--data-delivery", delivery]
        let inline = try Self.statistics(of: folder.path("inline.onnx"), in: folder, options)
        let external = try Self.statistics(of: folder.path("external.onnx"), in: folder, options)
        let first = try CalibrationStatistics(path: inline)
        let second = try CalibrationStatistics(path: external)
        #expect(first.tensors == second.tensors)
        #expect(first.modelDigest == (try digest(folder.path("inline.onnx"))))
        #expect(second.modelDigest != (try digest(folder.path("external.onnx"))))
        #expect(try digest(inline + ".onnx") == digest(external + ".onnx"))

        // Other weights are another model, although the .onnx file is the same.
        var weights = try Data(contentsOf: folder.url.appending(path: "external.onnx.data"))
        weights[weights.count / 2] ^= 1
        try weights.write(to: folder.url.appending(path: "external.onnx.data"))
        try Self.expectRefusal(
            ["another model"], model: folder.path("external.onnx"), statistics: external, in: folder)
    }

    @Test func missingExternalDataAreNamed() throws {
        try expectFailure(status: 65, saying: ["external.onnx.data"], leaving: ["external.onnx"]) { folder in
            try Self.writeModel(to: folder.path("external.onnx"), externalDataThreshold: 0)
            try FileManager.default.removeItem(atPath: folder.path("external.onnx.data"))
            return [
                "calibrate", folder.path("external.onnx"), "--data", Example.calibration, "--output",
                folder.path("o.onnx"),
            ]
        }
    }

    @Test func externalDataAreNotOverwritten() throws {
        try expectFailure(
            status: 64, saying: ["is read"], leaving: ["external.onnx", "external.onnx.data"]
        ) { folder in
            try Self.writeModel(to: folder.path("external.onnx"), externalDataThreshold: 0)
            return [
                "calibrate", folder.path("external.onnx"), "--data", Example.calibration, "--output",
                folder.path("external.onnx.data"),
            ]
        }
    }

    private static func writeModel(to path: String, externalDataThreshold: Int) throws {
        let graph = try ONNXModel.load(from: URL(filePath: Example.model)).graph
        try ONNXModel.write(
            graph, to: URL(filePath: path), options: ONNXExportOptions(externalDataThreshold: externalDataThreshold))
    }

    private static func statistics(
        of model: String, in folder: TemporaryFolder, _ options: [String] = ["--workers", "1"]
    ) throws -> String {
        let path = model.split(separator: "/").last.map { folder.path("\($0).safetensors") } ?? ""
        let outcome = try TareProcess.run(
            [
                "calibrate", model, "--data", Example.calibration, "--samples", "32", "--output", path + ".onnx",
                "--statistics", path,
            ] + options, in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return path
    }

    private static func expectRefusal(
        _ texts: [String], model: String, statistics: String, in folder: TemporaryFolder
    ) throws {
        let outcome = try TareProcess.run(
            ["quantize", model, "--statistics", statistics, "--output", folder.path("refused.onnx")], in: folder.url)
        #expect(outcome.status == 65, "\(outcome.errors)")
        for text in texts { #expect(outcome.errors.contains(text), "'\(text)' is missing in: \(outcome.errors)") }
        #expect(!FileManager.default.fileExists(atPath: folder.path("refused.onnx")))
    }
}
