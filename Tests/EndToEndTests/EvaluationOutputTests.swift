import Calibration
import Foundation
import Graphs
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// What an evaluation says about values that are not finite, and what `tare inspect` says about its statistics.
@Suite struct EvaluationOutputTests {
    private static func quantized() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let outcome = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--samples", "32", "--workers", "1",
                "--output", folder.path("int8.onnx"),
            ], in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return folder
    }

    private static func evaluate(_ folder: TemporaryFolder, _ options: [String]) throws -> TareProcess.Outcome {
        try TareProcess.run(
            ["evaluate", Example.model, folder.path("int8.onnx"), "--data", Example.evaluation, "--samples", "24"]
                + options, in: folder.url)
    }

    @Test func aLayerThatIsNowhereFiniteIsTheWorst() throws {
        let folder = try Self.quantized()
        let url = URL(filePath: folder.path("int8.onnx"))
        var graph = try ONNXModel.load(from: url).graph
        // Whatever the last quantizer does, its scale makes the scores no numbers.
        try #require(graph.initializers["logits_scale"] != nil)
        graph.initializers["logits_scale"] = Tensor(scalar: Float.nan)
        try ONNXModel.write(graph, to: url, options: ONNXExportOptions())
        let outcome = try Self.evaluate(folder, ["--labels", "label", "--order", "worst"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let lines = outcome.output.split(separator: "\n")
        let line = lines[2]
        #expect(line.contains("(Gemm)") && line.hasSuffix("output, worst, 240 not finite"), "\(line)")
        #expect(!line.contains("exact") && line.split(separator: " ").count { $0 == "-" } >= 6, "\(line)")
        #expect(lines.contains("same class: 0.00 % (0/24)"))
        #expect(lines.contains("no class: 100.00 % (24/24), where a score is not a number"))
        #expect(lines.contains { $0.hasPrefix("top-1: float") && $0.hasSuffix("quantized 0.00 % (0/24)") })
    }

    @Test func inspectKnowsTheStatistics() throws {
        let folder = try Self.quantized()
        let path = folder.path("statistics.safetensors")
        let outcome = try Self.evaluate(folder, ["--statistics", path, "--json"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let report = try JSONDecoder().decode(ResultManifest.Evaluation.self, from: Data(outcome.output.utf8))
        let logits = try #require(report.layers.first { $0.value == "logits" })
        let decibels = try #require(logits.total.sqnrDecibels)
        let text = try TareProcess.run(["inspect", path], in: folder.url)
        #expect(text.status == 0 && text.output.hasPrefix("evaluation of 24 samples\n"), "\(text.output)")
        let line = try #require(text.output.split(separator: "\n").first { $0.hasPrefix("logits ") })
        #expect(line.contains(String(format: "%.2f dB", decibels)), "\(line)")
        let json = try TareProcess.run(["inspect", path, "--json"], in: folder.url)
        struct Description: Decodable {
            struct Layer: Decodable {
                var name: String
                var total: ResultManifest.Evaluation.Errors
            }
            var samples: Int
            var layers: [Layer]
        }
        let description = try JSONDecoder().decode(Description.self, from: Data(json.output.utf8))
        #expect(description.samples == 24 && description.layers.count == report.layers.count)
        #expect(description.layers.first { $0.name == "logits" }?.total == logits.total)
    }
}
