import ArgumentParser
import Conversion
import Foundation
import ONNXFormat

/// `tare equalize`: the same model with weights that survive quantization per tensor.
struct EqualizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "equalize",
        abstract: "Rescale the channels between neighbouring layers, so that quantization per tensor costs less.",
        discussion: """
            A channel between two layers can be multiplied in the first and divided in the second, with nothing but rectifiers, pooling \
            and the like in between. The factors are powers of two: the float model computes the same. Where a Clip has an upper \
            bound, as in a ReLU6, the samples say how far a channel may grow. Calibrate or fine-tune the result.

            Examples:
              tare equalize mobile.onnx --data images.npz --output mobile.equalized.onnx
              tare calibrate mobile.equalized.onnx --data images.npz --weight-granularity per-tensor --output mobile.int8.onnx
            """)

    @Argument(help: "The float ONNX model.")
    var model: String

    @Option(help: ArgumentHelp("Where to write the equalized float model.", valueName: "file"))
    var output: String

    @OptionGroup(title: "Data")
    var data: DataOptions

    @Flag(help: "Print the result as JSON.")
    var json = false

    /// What is printed.
    private struct Summary: Codable {
        struct Pair: Codable {
            var first: String
            var second: String
            var spreadBefore: Float
            var spreadAfter: Float
        }

        var pairs: [Pair]
        var largestDifference: Double
    }

    func run() throws {
        try FailureReport.exitOnFailure {
            try OutputFiles.checkWritable(output, what: "--output")
            let source = try SourceModel(path: model)
            // Large weights go to a file beside the model.
            for path in [output, output + ".data"] {
                try OutputFiles.checkDistinct(
                    path, what: "--output", from: source.paths + [data.preprocess].compactMap(\.self) + data.paths)
            }
            let dataset = try CalibrationDataset(data, graph: source.imported.graph)
            let run = try EqualizationRun(
                source.imported.graph, dataset,
                batchSize: CalibrationJob.batchSize(nil, for: source.imported.graph))
            try ONNXModel.write(run.graph, to: URL(filePath: output))
            let summary = Summary(
                pairs: run.pairs.map {
                    .init(
                        first: $0.first, second: $0.second, spreadBefore: $0.spreadBefore, spreadAfter: $0.spreadAfter)
                }, largestDifference: run.largestDifference)
            StandardStreams.writeOutput(json ? try JSONText.encode(summary) : text(summary))
        }
    }

    private func text(_ summary: Summary) -> String {
        let rows = summary.pairs.map { pair in
            String(format: "%10.1f %10.1f  ", pair.spreadBefore, pair.spreadAfter) + "\(pair.first) -> \(pair.second)"
        }
        return """
            largest by smallest channel of the first layer's weights
                before      after  layers
            \(rows.joined(separator: "\n"))
            largest difference of the outputs over the first batch: \(summary.largestDifference)
            wrote \(output)
            """
    }
}
