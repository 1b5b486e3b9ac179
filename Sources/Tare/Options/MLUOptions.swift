import ArgumentParser
import Conversion
import Quantization

/// What the presets `mlu` and `mlu-int16` take: the guide's `qconfig_spec`, `mapping` and `mixed_layer`.
struct MLUOptions: ParsableArguments {
    @Flag(
        name: .customLong("use-avg"),
        help: "mlu: input ranges are the average of the batches' extremes instead of the widest of them.")
    var usesAverage = false

    @Option(
        help: ArgumentHelp("mlu: factor of every batch's extremes. Default: 1.", valueName: "factor"))
    var dataScale: Double?

    @Flag(
        name: .customLong("firstconv"),
        help: "mlu: the first 2-D convolution takes raw 0...255 data and normalizes them on the device.")
    var firstConvolution = false

    @Option(
        help: ArgumentHelp(
            "mlu: mean of each channel for --firstconv, in [0, 1): 0.485,0.456,0.406; may be repeated.",
            valueName: "list"))
    var mean: [String] = []

    @Option(
        help: ArgumentHelp("mlu: deviation of each channel for --firstconv, in (0, 1).", valueName: "list"))
    var std: [String] = []

    @Flag(
        name: .customLong("per-channel"),
        help: "mlu: one weight scale per output channel, as --weight-granularity per-channel.")
    var isPerChannel = false

    @Option(
        help: ArgumentHelp("mlu: record only the first calls of each module. Default: all.", valueName: "n"))
    var iteration: Int?

    @Option(
        name: .customLong("mapping"),
        help: ArgumentHelp(
            "mlu: convert only these: linear, conv1d, conv2d, conv3d, or a class of the exported program; may be repeated.",
            valueName: "kind-or-class"))
    var mapping: [String] = []

    @Option(
        name: .customLong("mixed-layer"),
        help: ArgumentHelp(
            "mlu: another type for some modules, such as layer1.0.conv1,fc=int16; may be repeated.",
            valueName: "paths=type"))
    var mixedLayer: [String] = []

    /// The options that were given, for messages.
    var given: [String] {
        let values: [(String, Bool)] = [
            ("--use-avg", usesAverage), ("--data-scale", dataScale != nil), ("--firstconv", firstConvolution),
            ("--mean", !mean.isEmpty), ("--std", !std.isEmpty), ("--per-channel", isPerChannel),
            ("--iteration", iteration != nil), ("--mapping", !mapping.isEmpty), ("--mixed-layer", !mixedLayer.isEmpty),
        ]
        return values.filter(\.1).map(\.0)
    }

    /// The words of a command line that give the same options.
    var words: [String] {
        var words: [String] = []
        if usesAverage { words.append("--use-avg") }
        if let dataScale { words.append("--data-scale=\(dataScale)") }
        if firstConvolution { words.append("--firstconv") }
        words += mean.map { "--mean=\($0)" }
        words += std.map { "--std=\($0)" }
        if isPerChannel { words.append("--per-channel") }
        if let iteration { words.append("--iteration=\(iteration)") }
        words += mapping.map { "--mapping=\($0)" }
        words += mixedLayer.map { "--mixed-layer=\($0)" }
        return words
    }

    /// The specification.
    ///
    /// - Throws: `CommandFailure` for a list that holds no numbers; `MLUConversionError` for values out of range.
    func specification() throws -> MLUQuantizationSpecification {
        let specification = MLUQuantizationSpecification(
            usesAverage: usesAverage, dataScale: dataScale ?? 1, firstConvolution: firstConvolution,
            mean: try Self.numbers(mean, option: "--mean"), std: try Self.numbers(std, option: "--std"),
            isPerChannel: isPerChannel, iteration: iteration)
        try specification.validate()
        return specification
    }

    /// The types of single modules.
    func mixedTypes() throws -> [String: String] {
        var result: [String: String] = [:]
        for text in mixedLayer {
            guard let sign = text.lastIndex(of: "=") else {
                throw CommandFailure(.usage, "--mixed-layer '\(text)': write PATH,PATH=TYPE, such as fc=int16")
            }
            result[String(text[..<sign])] = String(text[text.index(after: sign)...])
        }
        return result
    }

    private static func numbers(_ texts: [String], option: String) throws -> [Double]? {
        guard !texts.isEmpty else { return nil }
        let text = texts.joined(separator: ",")
        return try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let number = Double(part.trimmingPrefix { $0 == " " }) else {
                throw CommandFailure(.usage, "\(option) '\(text)': write numbers with commas between, one per channel")
            }
            return number
        }
    }
}
