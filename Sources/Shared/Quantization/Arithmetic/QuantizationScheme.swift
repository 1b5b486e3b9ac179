/// How many scales a tensor has.
public enum QuantizationGranularity: String, Sendable, Hashable, CaseIterable, Codable {
    /// One scale and zero point for the whole tensor.
    case perTensor = "per-tensor"
    /// One scale and zero point for each entry along one axis.
    case perChannel = "per-channel"
}

/// What kind of integers stand for the real numbers of a tensor, before any range is known.
public struct QuantizationScheme: Sendable, Hashable, Codable {
    /// The storage type.
    public var type: QuantizedType
    /// Whether the range is widened to both signs of its largest magnitude, so that zero is the middle integer.
    public var isSymmetric: Bool
    /// Whether a signed type leaves its smallest integer unused; unsigned types ignore it.
    ///
    /// A symmetric scheme of a signed type leaves it unused in any case, as ONNX Runtime does.
    public var narrowRange: Bool
    /// How many scales a tensor has.
    public var granularity: QuantizationGranularity

    /// Makes a scheme.
    public init(
        type: QuantizedType, isSymmetric: Bool, narrowRange: Bool = false,
        granularity: QuantizationGranularity = .perTensor
    ) {
        self.type = type
        self.isSymmetric = isSymmetric
        self.narrowRange = narrowRange
        self.granularity = granularity
    }

    /// The smallest integer that the scheme maps the range to, for example -127 for symmetric `int8`.
    public var minimum: Int64 {
        type.isSigned && (isSymmetric || narrowRange) ? -type.maximum : type.minimum
    }

    /// The largest integer that the scheme maps the range to.
    public var maximum: Int64 { type.maximum }

    /// Number of steps between the smallest and the largest integer, for example 255 for `uint8`.
    public var stepCount: Int64 { maximum - minimum }
}
