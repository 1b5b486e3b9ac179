/// Why a preset or a recipe was refused.
public enum QConfigError: Error, Hashable, CustomStringConvertible {
    /// No preset has this name.
    case unknownPreset(String, accepted: [String])
    /// The preset needs 4-bit integers, which post-training quantization does not offer.
    case fourBit(String)
    /// The recipe needs integers that post-training quantization does not offer, or none at all.
    case integers(String, QuantDtype?)
    /// The recipe has a fake quantizer that trains its own scale.
    case needsTraining(String, String)
    /// The recipe observes weights in another way than post-training quantization does.
    case weightObserver(String, String)
    /// The recipe has a smallest scale of its own, which post-training quantization does not know.
    case epsilon(String, Float)
    /// Observer and fake quantizer of the recipe have different integers.
    case differentIntegers(String, QuantDtype, QuantDtype)

    /// What is wrong and what is accepted.
    public var description: String {
        switch self {
        case .unknownPreset(let name, let accepted):
            "'\(name)' is no quantization preset; use one of \(accepted.joined(separator: ", "))"
        case .fourBit(let name):
            "'\(name)' has 4-bit integers, which only quantization-aware training offers: use 'tare finetune', or ema_fakequant"
        case .integers(let name, let dtype):
            "'\(name)' has \(dtype.map { "\($0.rawValue) integers" } ?? "no integers") for activations or weights; "
                + "post-training quantization offers qint8, qint8_narrow and quint8"
        case .needsTraining(let name, let algorithm):
            "'\(name)' has the fake quantizer \(algorithm), whose scale is trained: use 'tare finetune --qconfig \(name)', or a recipe "
                + "with FakeQuantize or without fake quantizers"
        case .weightObserver(let name, let observer):
            "'\(name)' observes weights with \(observer), but weights do not change from batch to batch and keep their whole range: use "
                + "MinMaxObserver, or 'tare finetune'"
        case .epsilon(let name, let epsilon):
            "'\(name)' has the smallest scale \(epsilon) ('eps'), which only quantization-aware training knows: leave it out, or use "
                + "'tare finetune'"
        case .differentIntegers(let name, let observed, let rounded):
            "'\(name)' observes for \(observed.rawValue) but rounds to \(rounded.rawValue); use the same dtype in both"
        }
    }
}
