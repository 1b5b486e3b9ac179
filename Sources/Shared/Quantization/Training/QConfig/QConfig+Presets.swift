extension QConfig {
    /// The names that `init(preset:)` accepts, sorted.
    public static let presetNames = [
        "calibration", "easyquant", "ema_fakequant", "ema_lowbit_fakequant", "min_max_fakequant", "passive",
        "sync_ema_fakequant", "tqt",
    ]

    /// Finds one of MegEngine's eight presets by its name, with or without the `_qconfig` at the end.
    public init(preset name: String) throws(QConfigError) {
        switch name.hasSuffix("_qconfig") ? String(name.dropLast("_qconfig".count)) : name {
        case "calibration": self = .calibration
        case "easyquant": self = .easyQuant
        case "ema_fakequant": self = .emaFakequant
        case "ema_lowbit_fakequant": self = .emaLowbitFakequant
        case "min_max_fakequant": self = .minMaxFakequant
        case "passive": self = .passive
        case "sync_ema_fakequant": self = .syncEMAFakequant
        case "tqt": self = .tqt
        default: throw .unknownPreset(name, accepted: Self.presetNames)
        }
    }

    /// Smallest and largest element of weights and activations; both are rounded.
    public static let minMaxFakequant = QConfig(
        weightObserver: ObserverSpecification(.minMax, dtype: .qint8Narrow),
        actObserver: ObserverSpecification(.minMax, dtype: .qint8),
        weightFakeQuant: FakeQuantSpecification(dtype: .qint8Narrow),
        actFakeQuant: FakeQuantSpecification(dtype: .qint8))

    /// Moving averages of the activations' extremes: what `quantizeQAT` uses when nothing is said.
    public static let emaFakequant = QConfig(
        weightObserver: ObserverSpecification(.minMax, dtype: .qint8Narrow),
        actObserver: ObserverSpecification(.exponentialMovingAverage(momentum: 0.9), dtype: .qint8),
        weightFakeQuant: FakeQuantSpecification(dtype: .qint8Narrow),
        actFakeQuant: FakeQuantSpecification(dtype: .qint8))

    /// `emaFakequant` with the observers whose statistics upstream shares among workers.
    public static let syncEMAFakequant = QConfig(
        weightObserver: ObserverSpecification(.minMax, dtype: .qint8Narrow, isSynchronized: true),
        actObserver: ObserverSpecification(
            .exponentialMovingAverage(momentum: 0.9), dtype: .qint8, isSynchronized: true),
        weightFakeQuant: FakeQuantSpecification(dtype: .qint8Narrow),
        actFakeQuant: FakeQuantSpecification(dtype: .qint8))

    /// `emaFakequant` with 4-bit integers.
    public static let emaLowbitFakequant = QConfig(
        weightObserver: ObserverSpecification(.minMax, dtype: .qint4),
        actObserver: ObserverSpecification(.exponentialMovingAverage(momentum: 0.9), dtype: .qint4),
        weightFakeQuant: FakeQuantSpecification(dtype: .qint4), actFakeQuant: FakeQuantSpecification(dtype: .qint4))

    /// Histograms of the activations; nothing is rounded.
    public static let calibration = QConfig(
        weightObserver: ObserverSpecification(.minMax, dtype: .qint8Narrow),
        actObserver: ObserverSpecification(
            .histogram(bins: 2048, upsampleRate: 128, form: .megengine), dtype: .qint8),
        weightFakeQuant: nil, actFakeQuant: nil)

    /// Trained thresholds; to be reached from a calibrated model, whose scales they begin with.
    public static let tqt = QConfig(
        weightObserver: nil, actObserver: nil, weightFakeQuant: FakeQuantSpecification(.tqt, dtype: .qint8Narrow),
        actFakeQuant: FakeQuantSpecification(.tqt, dtype: .qint8))

    /// Scales that are set from outside; to be reached from a calibrated model.
    public static let passive = QConfig(
        weightObserver: ObserverSpecification(.passive, dtype: .qint8Narrow),
        actObserver: ObserverSpecification(.passive, dtype: .qint8),
        weightFakeQuant: FakeQuantSpecification(dtype: .qint8Narrow),
        actFakeQuant: FakeQuantSpecification(dtype: .qint8))

    /// `passive`, under the name of the search that it is for.
    public static let easyQuant = passive
}
