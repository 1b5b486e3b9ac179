/// Which integers stand for activations and weights, and how activation ranges are chosen.
public struct PostTrainingConfiguration: Sendable, Hashable {
    /// Scheme of activations, one scale per tensor.
    public var activation: QuantizationScheme
    /// How activation ranges are chosen; `nil` for presets that observe nothing and need `--observer` or ranges.
    public var activationMethod: CalibrationMethod?
    /// Scheme of weights; their ranges are always their own minimum and maximum.
    public var weight: QuantizationScheme

    /// Makes a configuration.
    public init(
        activation: QuantizationScheme, activationMethod: CalibrationMethod?, weight: QuantizationScheme
    ) {
        self.activation = activation
        self.activationMethod = activationMethod
        self.weight = weight
    }

    /// Unsigned 8-bit activations and signed 8-bit weights per channel, ranges by the histogram method.
    public static let standard = PostTrainingConfiguration(
        activation: QuantizationScheme(type: .uint8, isSymmetric: false),
        activationMethod: .histogram,
        weight: QuantizationScheme(type: .int8, isSymmetric: true, narrowRange: true, granularity: .perChannel))

    /// The names that `init(preset:)` accepts, sorted.
    public static let presetNames = [
        "calibration", "easyquant", "ema_fakequant", "ema_lowbit_fakequant", "min_max_fakequant", "mlu", "mlu-int16",
        "passive", "sync_ema_fakequant", "tqt",
    ]

    /// Makes the configuration of a preset: MegEngine's eight, and those of Cambricon's quantizer.
    ///
    /// All presets have symmetric activations and symmetric per-tensor weights that leave the smallest integer unused.
    /// `sync_ema_fakequant` is `ema_fakequant` here because the coordinator folds all batches in job order anyway.
    public init(preset name: String) throws(QConfigError) {
        switch name {
        case "min_max_fakequant": self.init(symmetric: .int8, method: .minmax)
        case "ema_fakequant", "sync_ema_fakequant":
            self.init(symmetric: .int8, method: .ema(momentum: CalibrationMethod.defaultMomentum))
        case "calibration": self.init(symmetric: .int8, method: .histogram)
        case "tqt", "passive", "easyquant": self.init(symmetric: .int8, method: nil)
        case "mlu": self.init(symmetric: .int8, method: .minmax)
        case "mlu-int16": self.init(symmetric: .int16, method: .minmax)
        case "ema_lowbit_fakequant": throw .fourBit(name)
        default: throw .unknownPreset(name)
        }
    }

    private init(symmetric type: QuantizedType, method: CalibrationMethod?) {
        self.init(
            activation: QuantizationScheme(type: type, isSymmetric: true),
            activationMethod: method,
            weight: QuantizationScheme(type: type, isSymmetric: true, narrowRange: true))
    }
}

/// Why a preset was refused.
public enum QConfigError: Error, Hashable, CustomStringConvertible {
    /// No preset has this name.
    case unknownPreset(String)
    /// The preset needs 4-bit integers, which post-training quantization does not offer.
    case fourBit(String)

    /// What is wrong and what is accepted.
    public var description: String {
        switch self {
        case .unknownPreset(let name):
            "'\(name)' is no quantization preset; use one of \(PostTrainingConfiguration.presetNames.joined(separator: ", "))"
        case .fourBit(let name):
            "preset '\(name)' has 4-bit integers, which only quantization-aware training offers; use ema_fakequant"
        }
    }
}
