/// The scales and zero points of a quantized tensor: `real = (integer - zeroPoint) * scale`.
public struct QuantizationParameters: Sendable, Hashable {
    /// The storage type.
    public let type: QuantizedType
    /// One positive, finite scale per tensor or per channel.
    public let scales: [Float]
    /// The integer that stands for zero, one for each scale; inside the type's range.
    public let zeroPoints: [Int32]
    /// The axis of the channels; `nil` when one scale serves the whole tensor.
    public let axis: Int?

    /// Makes per-tensor parameters.
    ///
    /// - Precondition: The scale is positive and finite and the zero point lies in the type's range.
    public init(type: QuantizedType, scale: Float, zeroPoint: Int32) {
        self.init(type: type, scales: [scale], zeroPoints: [zeroPoint], axis: nil)
    }

    /// Makes parameters from their parts.
    ///
    /// - Precondition: `init(checking:)` accepts them. Numbers from a file go there instead.
    public init(type: QuantizedType, scales: [Float], zeroPoints: [Int32], axis: Int?) {
        guard let parameters = Self(checking: type, scales: scales, zeroPoints: zeroPoints, axis: axis) else {
            preconditionFailure("Invalid parameters for \(type): scales \(scales), zero points \(zeroPoints)")
        }
        self = parameters
    }

    /// Makes parameters from untrusted parts.
    ///
    /// - Returns: `nil` unless every scale is positive and finite, every zero point lies in the type's range, there are
    ///   as many zero points as scales, and there is exactly one scale when `axis` is `nil`.
    public init?(checking type: QuantizedType, scales: [Float], zeroPoints: [Int32], axis: Int?) {
        guard scales.count == zeroPoints.count, axis != nil || scales.count == 1, (axis ?? 0) >= 0,
            scales.allSatisfy({ $0 > 0 && $0.isFinite }),
            zeroPoints.allSatisfy({ type.minimum <= Int64($0) && Int64($0) <= type.maximum })
        else { return nil }
        self.type = type
        self.scales = scales
        self.zeroPoints = zeroPoints
        self.axis = axis
    }

    /// Makes per-tensor parameters that cover a range, as ONNX Runtime's quantizer computes them.
    ///
    /// The range is widened to contain zero, and to -absmax ... absmax when the scheme is symmetric. The scale is
    /// computed in `Double` and rounded to `Float`; the zero point is rounded half to even from the unrounded scale.
    /// A range too small for a normal `Float` scale gives scale 1 and zero point 0.
    public init(range: TensorRange, scheme: QuantizationScheme) {
        let (scale, zeroPoint) = Self.affine(range: range, scheme: scheme)
        self.init(type: scheme.type, scale: scale, zeroPoint: zeroPoint)
    }

    /// Makes per-channel parameters, one scale for each range; the arithmetic is that of `init(range:scheme:)`.
    public init(channelRanges: [TensorRange], axis: Int, scheme: QuantizationScheme) {
        let pairs = channelRanges.map { Self.affine(range: $0, scheme: scheme) }
        self.init(type: scheme.type, scales: pairs.map(\.scale), zeroPoints: pairs.map(\.zeroPoint), axis: axis)
    }

    /// The smallest and the largest real number that the integers of channel `channel` stand for.
    public func representableRange(channel: Int = 0) -> ClosedRange<Double> {
        let scale = Double(scales[channel])
        let zeroPoint = Double(zeroPoints[channel])
        return (Double(type.minimum) - zeroPoint) * scale...(Double(type.maximum) - zeroPoint) * scale
    }

    private static func affine(range: TensorRange, scheme: QuantizationScheme) -> (scale: Float, zeroPoint: Int32) {
        var minimum = Double(min(range.minimum, 0))
        var maximum = Double(max(range.maximum, 0))
        if scheme.isSymmetric {
            maximum = max(-minimum, maximum)
            minimum = -maximum
        }
        let scale = (maximum - minimum) / Double(scheme.stepCount)
        guard scale >= Double(Float.leastNormalMagnitude) else { return (1, 0) }
        let zeroPoint =
            scheme.isSymmetric
            ? (Double(scheme.minimum + scheme.maximum) / 2).rounded(.toNearestOrEven)
            : (Double(scheme.minimum) - minimum / scale).rounded(.toNearestOrEven)
        return (Float(scale), Int32(zeroPoint))
    }
}
