/// Which observer a QConfig asks for, with its parameters: the recipe from which each module gets an observer of its own.
public struct ObserverSpecification: Sendable, Hashable, Codable {
    /// How statistics are gathered.
    public enum Algorithm: Sendable, Hashable {
        /// Smallest and largest element of all calls.
        case minMax
        /// Moving averages of the calls' extremes; the first call is taken as it is.
        case exponentialMovingAverage(momentum: Float)
        /// A histogram of all elements, from which the range with the least squared error follows.
        case histogram(bins: Int, upsampleRate: Int, form: HistogramForm)
        /// No statistics: scale and zero point are set from outside.
        case passive
    }

    /// Which histogram.
    public enum HistogramForm: String, Sendable, Hashable, Codable, CaseIterable {
        /// Bins on a lattice of powers of two: exact, whatever the order of the calls.
        case exact
        /// MegEngine's numbers, which depend on the order of the calls.
        case megengine
        /// PyTorch's numbers, which depend on the order of the calls.
        case torch
    }

    /// The smallest scale when none is given: MegEngine's.
    public static let defaultEpsilon: Float = 1e-5

    /// How statistics are gathered.
    public var algorithm: Algorithm
    /// Whether the statistics are those of all workers: everywhere in Tare they are, so this only keeps a preset's name.
    public var isSynchronized: Bool
    /// The integers that the range is mapped to.
    public var dtype: QuantDtype
    /// Whether there is a zero point.
    public var mode: QuantMode
    /// The smallest scale.
    public var epsilon: Float

    /// Makes a specification; the defaults are MegEngine's.
    public init(
        _ algorithm: Algorithm, dtype: QuantDtype = .qint8, mode: QuantMode = .symmetric,
        epsilon: Float = ObserverSpecification.defaultEpsilon,
        isSynchronized: Bool = false
    ) {
        self.algorithm = algorithm
        self.dtype = dtype
        self.mode = mode
        self.epsilon = epsilon
        self.isSynchronized = isSynchronized
    }
}

/// Which fake quantizer a QConfig asks for.
public struct FakeQuantSpecification: Sendable, Hashable, Codable {
    /// What rounds.
    public enum Algorithm: String, Sendable, Hashable, Codable, CaseIterable {
        /// With the observer's scale; gradients pass where nothing is clipped.
        case fakeQuantize = "FakeQuantize"
        /// Trained quantization thresholds: the logarithm of the scale is trained.
        case tqt = "TQT"
        /// Learned step size: the scale is trained.
        case lsq = "LSQ"
    }

    /// What rounds.
    public var algorithm: Algorithm
    /// The integers.
    public var dtype: QuantDtype
    /// LSQ: added to the step.
    public var epsilon: Float

    /// Makes a specification; the defaults are MegEngine's.
    public init(_ algorithm: Algorithm = .fakeQuantize, dtype: QuantDtype = .qint8, epsilon: Float = 1e-5) {
        self.algorithm = algorithm
        self.dtype = dtype
        self.epsilon = epsilon
    }
}
