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
        case "mlu": self.init(device: .int8)
        case "mlu-int16": self.init(device: .int16)
        default:
            guard Self.presetNames.contains(name) else {
                throw .unknownPreset(name, accepted: Self.presetNames)
            }
            try self.init(QConfig(preset: name), named: name)
        }
    }

    /// Makes the configuration that gathers the ranges of a recipe; fake quantizers that round with the observer's scale say nothing new.
    ///
    /// A histogram observer of the form `exact` becomes the method `histogram`; one of another form becomes `rangedHistogram` with its
    /// settings, which takes two passes over the data.
    ///
    /// - Parameters:
    ///   - qconfig: The recipe; a part without an observer takes its integers from the fake quantizer.
    ///   - name: What messages call it.
    /// - Throws: For what only training can follow, and for integers other than 8-bit ones.
    public init(_ qconfig: QConfig, named name: String) throws(QConfigError) {
        try Self.check(qconfig, named: name)
        let method: CalibrationMethod? =
            switch qconfig.actObserver?.algorithm {
            case .minMax: .minmax
            case .exponentialMovingAverage(let momentum): .ema(momentum: momentum)
            case .histogram(let binCount, let upsampleRate, let form):
                HistogramRule(form: form, binCount: binCount, upsampleRate: upsampleRate)
                    .map { .rangedHistogram($0) } ?? .histogram
            case .passive, nil: nil
            }
        self.init(
            activation: try Self.scheme(qconfig.actObserver, qconfig.actFakeQuant, named: name),
            activationMethod: method,
            weight: try Self.scheme(qconfig.weightObserver, qconfig.weightFakeQuant, named: name))
    }

    /// Refuses what has no meaning without training, instead of leaving it out.
    private static func check(_ qconfig: QConfig, named name: String) throws(QConfigError) {
        for fakeQuant in [qconfig.weightFakeQuant, qconfig.actFakeQuant] {
            guard let algorithm = fakeQuant?.algorithm, algorithm != .fakeQuantize else { continue }
            throw .needsTraining(name, algorithm.rawValue)
        }
        switch qconfig.weightObserver?.algorithm {
        case .minMax, .passive, nil: break
        case .exponentialMovingAverage, .histogram:
            throw .weightObserver(name, qconfig.weightObserver?.className ?? "")
        }
        let pairs = [(qconfig.weightObserver, qconfig.weightFakeQuant), (qconfig.actObserver, qconfig.actFakeQuant)]
        for (observer, fakeQuant) in pairs {
            if let epsilon = observer?.epsilon, epsilon != ObserverSpecification.defaultEpsilon {
                throw .epsilon(name, epsilon)
            }
            if let observed = observer?.dtype, let rounded = fakeQuant?.dtype, observed != rounded {
                throw .differentIntegers(name, observed, rounded)
            }
        }
    }

    private static func scheme(
        _ observer: ObserverSpecification?, _ fakeQuant: FakeQuantSpecification?, named name: String
    ) throws(QConfigError) -> QuantizationScheme {
        let isSymmetric = (observer?.mode ?? .symmetric) == .symmetric
        switch observer?.dtype ?? fakeQuant?.dtype {
        case .qint8: return QuantizationScheme(type: .int8, isSymmetric: isSymmetric)
        case .qint8Narrow: return QuantizationScheme(type: .int8, isSymmetric: isSymmetric, narrowRange: true)
        case .quint8: return QuantizationScheme(type: .uint8, isSymmetric: isSymmetric)
        case .qint4, .quint4: throw .fourBit(name)
        case let dtype: throw .integers(name, dtype)
        }
    }

    /// What Cambricon's quantizer does.
    private init(device type: QuantizedType) {
        self.init(
            activation: QuantizationScheme(type: type, isSymmetric: true),
            activationMethod: .minmax,
            weight: QuantizationScheme(type: type, isSymmetric: true, narrowRange: true))
    }
}
