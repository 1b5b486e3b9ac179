/// Scale and zero point of a tensor that observers and fake quantizers agree on.
public struct QParams: Sendable, Hashable {
    /// The integers.
    public var dtype: QuantDtype
    /// Whether there is a zero point.
    public var mode: QuantMode
    /// The distance of neighbouring real numbers.
    public var scale: Float
    /// The integer that stands for zero; `nil` in symmetric mode, where it is 0.
    public var zeroPoint: Int32?

    /// Makes symmetric parameters.
    public init(_ dtype: QuantDtype, scale: Float) {
        self.init(dtype, scale: scale, mode: .symmetric, zeroPoint: nil)
    }

    /// Makes asymmetric parameters.
    public init(_ dtype: QuantDtype, scale: Float, zeroPoint: Int32) {
        self.init(dtype, scale: scale, mode: .asymmetric, zeroPoint: zeroPoint)
    }

    /// Makes the parameters that map a range, widened to contain zero, to the integers; all arithmetic in `Float`.
    ///
    /// Symmetric: `scale = max(-minimum, maximum) / ((largest - smallest integer) / 2)`. Asymmetric: `scale = (maximum - minimum) /
    /// (largest - smallest)` and `zero point = smallest - round(minimum / scale)`, halves away from zero. The scale is at
    /// least `epsilon`; a range whose minimum exceeds its maximum is empty and gives exactly that.
    public init(minimum: Float, maximum: Float, dtype: QuantDtype, mode: QuantMode, epsilon: Float) {
        let (low, high) = (min(minimum, 0), max(maximum, 0))
        let (smallest, steps) = (Float(dtype.minimum), dtype.stepCount)
        switch mode {
        case .symmetric:
            self.init(dtype, scale: max(max(-low, high) / (steps / 2), epsilon))
        case .asymmetric:
            let width = high - low
            // The difference of two finite numbers can be infinite, but not that of their parts.
            let scale = max(width.isFinite ? width / steps : high / steps - low / steps, epsilon)
            let zero = smallest - (low / scale).rounded(.toNearestOrAwayFromZero)
            let clipped = min(max(Double(zero), Double(dtype.minimum)), Double(dtype.maximum))
            self.init(dtype, scale: scale, zeroPoint: Int32(clipped))
        }
    }

    /// The parameters of a bias beside a quantized input and weight: the integers of their products.
    ///
    /// - Returns: `nil` unless both are symmetric and stored in 8 bits: then the bias is not rounded.
    public static func bias(input: QParams, weight: QParams) -> QParams? {
        let isSuitable = [input, weight].allSatisfy {
            $0.mode == .symmetric && [.qint8, .qint8Narrow].contains($0.dtype)
        }
        return isSuitable ? QParams(.qint32, scale: input.scale * weight.scale) : nil
    }

    private init(_ dtype: QuantDtype, scale: Float, mode: QuantMode, zeroPoint: Int32?) {
        self.dtype = dtype
        self.mode = mode
        self.scale = scale
        self.zeroPoint = zeroPoint
    }
}

extension QuantDtype {
    /// Number of steps between the smallest and the largest integer, for example 255 for `qint8`.
    var stepCount: Float { Float(Int64(maximum) - Int64(minimum)) }
}
