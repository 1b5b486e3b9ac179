public import Tensors

/// Attributes of `QuantizeLinear`: inputs x, scale, zero point (optional); `saturate(roundHalfEven(x / scale) + zp)`.
public struct QuantizeLinearAttributes: Hashable, Sendable {
    /// Axis of per-channel scales.
    public var axis: Int
    /// Type of the result when there is no zero point; `nil` means `uint8` then.
    public var outputType: ElementType?

    /// Makes attributes; the defaults are those of ONNX.
    public init(axis: Int = 1, outputType: ElementType? = nil) {
        self.axis = axis
        self.outputType = outputType
    }
}

/// Attributes of `DequantizeLinear`: inputs x, scale, zero point (optional); `(x - zp) * scale`.
public struct DequantizeLinearAttributes: Hashable, Sendable {
    /// Axis of per-channel scales.
    public var axis: Int

    /// Makes attributes; the defaults are those of ONNX.
    public init(axis: Int = 1) {
        self.axis = axis
    }
}
