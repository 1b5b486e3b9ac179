/// How the range of an activation follows from its statistics.
public enum CalibrationMethod: Sendable, Hashable {
    /// The smallest and the largest value that occurred.
    case minmax
    /// Exponential moving average of each batch's minimum and maximum, in batch order; `momentum` weighs the past.
    case ema(momentum: Float)
    /// The range with the smallest expected squared quantization error over the histogram.
    case histogram
    /// The range that MegEngine or PyTorch finds in its own histogram, whose bins depend on the order of the batches: needs a second
    /// pass over the data.
    case rangedHistogram(HistogramRule)
    /// The range from the (100 - `percentage`)th to the `percentage`th percentile of the values.
    case percentile(percentage: Double)
    /// The range whose quantized distribution has the smallest Kullback-Leibler divergence from the observed one.
    case entropy
    /// The range with the smallest squared error of quantizing and dequantizing every histogram bin.
    case mse

    /// Momentum of `ema` when none is given.
    public static let defaultMomentum: Float = 0.9
    /// Percentage of `percentile` when none is given.
    public static let defaultPercentage = 99.999
    /// The names that the command line and job files accept.
    public static let names = ["minmax", "ema", "histogram", "percentile", "entropy", "mse"]

    /// Parses a name with optional parameters: `histogram`, `histogram:megengine`, `histogram:torch:2048:16` (bins, and parts of a bin),
    /// `percentile:99.9`, `ema:0.95`.
    public init(parsing text: String) throws(CalibrationMethodError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let parameter = parts.count == 2 ? parts[1] : nil
        switch parts[0] {
        case "ema":
            self = .ema(momentum: try Self.number(parameter, in: text, allowed: 0..<1) ?? Self.defaultMomentum)
        case "percentile":
            let percentage: Double? = try Self.number(parameter, in: text, allowed: 50.nextUp..<100.nextUp)
            self = .percentile(percentage: percentage ?? Self.defaultPercentage)
        case "minmax": self = .minmax
        case "histogram": self = try Self.histogram(parameter, in: text)
        case "entropy": self = .entropy
        case "mse": self = .mse
        default: throw .unknownName(parts[0])
        }
        if parameter != nil {
            switch self {
            case .ema, .percentile, .histogram, .rangedHistogram: break
            case .minmax, .entropy, .mse: throw .unexpectedParameter(text)
            }
        }
    }

    private static func histogram(
        _ parameter: String?, in text: String
    ) throws(CalibrationMethodError) -> CalibrationMethod {
        guard let parameter, parameter != ObserverSpecification.HistogramForm.exact.rawValue else { return .histogram }
        guard let rule = HistogramRule(parameter) else { throw .invalidParameter(text) }
        return .rangedHistogram(rule)
    }

    /// Whose histogram the method reads, which a second pass over the data has to count; `nil` when one pass is enough.
    public var histogramRule: HistogramRule? {
        if case .rangedHistogram(let rule) = self { rule } else { nil }
    }

    private static func number<Number: BinaryFloatingPoint & LosslessStringConvertible>(
        _ parameter: String?, in text: String, allowed: Range<Number>
    ) throws(CalibrationMethodError) -> Number? {
        guard let parameter else { return nil }
        guard let value = Number(parameter), allowed.contains(value) else { throw .invalidParameter(text) }
        return value
    }
}

extension CalibrationMethod: CustomStringConvertible {
    /// The form that `init(parsing:)` reads back to the same method, parameters included.
    public var description: String {
        switch self {
        case .minmax: "minmax"
        case .ema(let momentum): "ema:\(momentum)"
        case .histogram: "histogram"
        case .rangedHistogram(let rule): "histogram:\(rule)"
        case .percentile(let percentage): "percentile:\(percentage)"
        case .entropy: "entropy"
        case .mse: "mse"
        }
    }
}

/// Why a calibration method's text was refused.
public enum CalibrationMethodError: Error, Hashable, CustomStringConvertible {
    /// No method has this name.
    case unknownName(String)
    /// The parameter after the colon is no number in the allowed range.
    case invalidParameter(String)
    /// The method takes no parameter.
    case unexpectedParameter(String)

    /// What is wrong and what is accepted.
    public var description: String {
        switch self {
        case .unknownName(let name):
            "'\(name)' is no calibration method; use one of \(CalibrationMethod.names.joined(separator: ", "))"
        case .invalidParameter(let text):
            "the parameter of '\(text)' is out of range; use ema:MOMENTUM with 0 <= MOMENTUM < 1, "
                + "percentile:PERCENT with 50 < PERCENT <= 100, or histogram:exact, histogram:megengine or histogram:torch, the "
                + "latter two with :BINS (1 to 1048576) and :UPSAMPLE (1 to 65536) if others than the system's own are wanted"
        case .unexpectedParameter(let text):
            "the method of '\(text)' takes no parameter; only ema, percentile and histogram do"
        }
    }
}
