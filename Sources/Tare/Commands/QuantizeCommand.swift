import ArgumentParser
import Calibration
import Conversion
import ONNXFormat
import Quantization

/// `tare quantize`: converts from saved statistics, without data.
struct QuantizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Quantize a model with saved statistics: another observer or scheme, no data, no cluster.",
        discussion: """
            The statistics come from 'tare calibrate --statistics FILE' with the same model.

            Examples:
              tare quantize model.onnx --statistics model.safetensors --output model.int8.onnx --observer percentile
              tare quantize model.onnx --statistics model.safetensors --output model.int16.onnx --activation-type int16
            """)

    @Argument(help: "The float ONNX model.")
    var model: String

    @Option(help: ArgumentHelp("Statistics of this model.", valueName: "file"))
    var statistics: String

    @Option(help: ArgumentHelp("Where to write the quantized model; its manifest lies beside it.", valueName: "file"))
    var output: String

    @Option(
        name: .customLong("state-dict"),
        help: ArgumentHelp(
            "mlu: also write the quantized state dictionary, as .pth of PyTorch or .safetensors.", valueName: "file"))
    var stateDictionary: String?

    @OptionGroup(title: "Scheme")
    var scheme: SchemeOptions

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        try FailureReport.exitOnFailure {
            try scheme.check(stateDictionary: stateDictionary)
            let scheme = try scheme.resolved()
            _ = try InputPath.existingFile(model, what: "The model")
            let outputs = try OutputFiles(model: output, stateDictionary: stateDictionary)
            try outputs.check(against: [model, statistics])
            let source = try SourceModel(path: model)
            try outputs.check(against: source.paths)
            let statistics = try CalibrationStatistics(
                path: InputPath.existingFile(statistics, what: "The statistics file"))
            guard statistics.modelDigest == source.digest.hexadecimal else {
                throw CommandFailure(
                    .badData,
                    "\(self.statistics) was gathered with another model (SHA-256 \(statistics.modelDigest)); "
                        + "calibrate '\(model)' again")
            }
            let plan = try ConversionPlan(source.imported.graph, scheme: scheme)
            let output = try ModelConversion(model: source.summary, plan: plan)
                .convert(statistics, provenance: .init(), name: outputs.modelName)
            try outputs.write(output)
            try ConversionSummary(manifest: output.manifest, files: outputs).report(json: json)
        }
    }
}
