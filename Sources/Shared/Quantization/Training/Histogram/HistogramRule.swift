/// Whose histogram is reproduced, and the settings that decide its counts.
///
/// Its text is `FORM:BINS:UPSAMPLE`, for example `megengine:2048:128`; in files it is that text.
public struct HistogramRule: Sendable, Hashable {
    /// How many bins a histogram may have.
    public static let binCounts = 1...1 << 20
    /// How finely a bin may be divided.
    public static let upsampleRates = 1...1 << 16
    /// Number of bins when none is given: MegEngine's and PyTorch's.
    public static let defaultBinCount = 2048

    /// MegEngine's or PyTorch's.
    public let form: ObserverSpecification.HistogramForm
    /// Number of bins.
    public let binCount: Int
    /// How finely a bin is divided when counts move to another range.
    public let upsampleRate: Int

    /// Makes a rule.
    ///
    /// - Returns: `nil` for the form `exact`, whose histogram has no settings, and for numbers out of range.
    public init?(form: ObserverSpecification.HistogramForm, binCount: Int, upsampleRate: Int) {
        guard form != .exact, Self.binCounts.contains(binCount), Self.upsampleRates.contains(upsampleRate) else {
            return nil
        }
        self.form = form
        self.binCount = binCount
        self.upsampleRate = upsampleRate
    }

    /// The ranges of a histogram that has seen nothing.
    public var ranges: HistogramRanges {
        HistogramRanges(form: form, binCount: binCount, upsampleRate: upsampleRate)
    }
}

extension ObserverSpecification.HistogramForm {
    /// How finely a bin is divided when nothing is said: 16 in PyTorch, 128 in MegEngine.
    public var defaultUpsampleRate: Int { self == .torch ? 16 : 128 }
}

extension HistogramRule: LosslessStringConvertible {
    /// Reads `FORM`, `FORM:BINS` or `FORM:BINS:UPSAMPLE`; what is absent is as in the form's system.
    public init?(_ description: String) {
        let parts = description.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...3).contains(parts.count),
            let form = ObserverSpecification.HistogramForm(rawValue: String(parts[0])),
            let binCount = parts.count > 1 ? Int(parts[1]) : Self.defaultBinCount,
            let upsampleRate = parts.count > 2 ? Int(parts[2]) : form.defaultUpsampleRate
        else { return nil }
        self.init(form: form, binCount: binCount, upsampleRate: upsampleRate)
    }

    /// All three parts.
    public var description: String { "\(form.rawValue):\(binCount):\(upsampleRate)" }
}

extension HistogramRule: Codable {
    /// Reads the text.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let rule = HistogramRule(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(text)' is no histogram; use FORM:BINS:UPSAMPLE")
        }
        self = rule
    }

    /// Writes the text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
