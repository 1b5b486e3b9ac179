public import ArgumentParser
public import Quantization

/// What kind of integers the model gets and how ranges follow from statistics.
///
/// Changing these needs no new data, unless a tensor is to be quantized that was not observed.
struct SchemeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How ranges follow from the statistics: minmax, ema, histogram, percentile, entropy or mse.",
            discussion: """
                ema:0.95 and percentile:99.9 give the parameter. histogram:megengine and histogram:torch give the numbers of those \
                systems, in two passes over the data; histogram:torch:BINS:UPSAMPLE has other settings than theirs. Default: \
                histogram, or the preset's.
                """,
            valueName: "method"),
        transform: Self.parseMethod)
    var observer: CalibrationMethod?

    @Option(
        help: ArgumentHelp(
            "Types and observer: a preset, or a YAML file with weight_observer, act_observer, weight_fake_quant and act_fake_quant; in "
                + "a job file also these keys themselves. Other options here override it.", valueName: "preset|file"))
    var qconfig: String?

    @Option(
        name: .customLong("qconfig-for"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Other types and another observer for some nodes: a name (with * and ?), an ONNX operator such as Conv or a model input, "
                + "and a preset or file; may be repeated, the first match counts.", valueName: "pattern=preset|file"))
    var qconfigFor: [String] = []

    @Option(
        help: ArgumentHelp(
            "Type of quantized activations. Default: uint8, or the preset's.", valueName: "type"))
    var activationType: QuantizedType?

    @Option(
        help: ArgumentHelp(
            "One scale per output channel or per weight. Default: per-channel, or the preset's.",
            valueName: "granularity"))
    var weightGranularity: QuantizationGranularity?

    @Flag(help: "Activation ranges symmetric around zero, or as observed. Default: asymmetric, or the preset's.")
    var symmetry: Symmetry?

    @Option(
        name: .customLong("skip-op"),
        help: ArgumentHelp("Leave all nodes of this ONNX operator in float; may be repeated.", valueName: "type"))
    var skippedOperators: [String] = []

    @Option(
        name: .customLong("skip-node"),
        help: ArgumentHelp(
            "Leave nodes with this name in float; * and ? match; may be repeated.", valueName: "name-or-glob"))
    var skippedNodes: [String] = []

    @Flag(
        name: .customLong("float-outputs"),
        help: "Leave the model's outputs unquantized: usually 0.5 to 1 dB better, see docs/quantization.md.")
    var hasFloatOutputs = false

    @OptionGroup(title: "MLU presets")
    var mlu: MLUOptions

    /// Whether activation ranges are widened to be symmetric.
    enum Symmetry: String, EnumerableFlag {
        case symmetric
        case asymmetric
    }

    private static func parseMethod(_ text: String) throws -> CalibrationMethod {
        do {
            return try CalibrationMethod(parsing: text)
        } catch {
            throw ValidationError(error.description)
        }
    }
}

extension QuantizedType: ExpressibleByArgument {
    /// The types that an activation can have; int32 is for biases alone.
    private static let activationTypes: [QuantizedType] = [.uint8, .int8, .int16, .uint16]

    /// Reads the type of activations.
    public init?(argument: String) {
        guard let type = Self.activationTypes.first(where: { $0.rawValue == argument }) else { return nil }
        self = type
    }

    /// For `--help`.
    public static var allValueStrings: [String] { activationTypes.map(\.rawValue) }
}

extension QuantizationGranularity: ExpressibleByArgument {}
