import ArgumentParser

/// The files of a calibration: what is read and what is written.
struct JobOptions: ParsableArguments {
    @Argument(help: "The float ONNX model.")
    var model: String

    @Option(help: ArgumentHelp("Where to write the quantized model; its manifest lies beside it.", valueName: "file"))
    var output: String

    @Option(help: ArgumentHelp("Also write the statistics, for 'tare quantize' and for NumPy.", valueName: "file"))
    var statistics: String?

    @Option(
        name: .customLong("state-dict"),
        help: ArgumentHelp(
            "mlu: also write the quantized state dictionary, as .pth of PyTorch or .safetensors.", valueName: "file"))
    var stateDictionary: String?

    @Option(
        help: ArgumentHelp(
            "A YAML job file with these options as keys, 'model' too; an option given here wins over the file.",
            discussion: "What is required here may be in the file. Paths in it are relative to the file.",
            valueName: "file"))
    var config: String?

    @Flag(help: "Print the manifest as JSON.")
    var json = false
}
