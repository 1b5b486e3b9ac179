/// Why a preset or a recipe was refused.
public enum QConfigError: Error, Hashable, CustomStringConvertible {
    /// No preset has this name.
    case unknownPreset(String, accepted: [String])
    /// The preset needs 4-bit integers, which post-training quantization does not offer.
    case fourBit(String)
    /// The recipe needs integers that post-training quantization does not offer, or none at all.
    case integers(String, QuantDtype?)

    /// What is wrong and what is accepted.
    public var description: String {
        switch self {
        case .unknownPreset(let name, let accepted):
            "'\(name)' is no quantization preset; use one of \(accepted.joined(separator: ", "))"
        case .fourBit(let name):
            "preset '\(name)' has 4-bit integers, which only quantization-aware training offers; use ema_fakequant"
        case .integers(let name, let dtype):
            "'\(name)' has \(dtype.map { "\($0.rawValue) integers" } ?? "no integers") for activations or weights; "
                + "post-training quantization offers qint8, qint8_narrow and quint8"
        }
    }
}
