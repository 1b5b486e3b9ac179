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

extension ShapeRule {
    func quantizeLinear(_ attributes: QuantizeLinearAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        let zeroPoint = optional(2)?.type.elementType
        if let zeroPoint, let declared = attributes.outputType, zeroPoint != declared {
            throw ShapeRuleError("the zero point is \(zeroPoint) but output_dtype is \(declared)")
        }
        try checkParameters(data, axis: attributes.axis)
        let type = zeroPoint ?? attributes.outputType ?? .uint8
        return [InferredValue(TensorType(elementType: type, dimensions: data.type.dimensions))]
    }

    func dequantizeLinear(_ attributes: DequantizeLinearAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        let scale = try required(1)
        if let zeroPoint = optional(2)?.type.elementType, zeroPoint != data.type.elementType {
            throw ShapeRuleError("the zero point is \(zeroPoint) but the data is \(data.type.elementType)")
        }
        try checkParameters(data, axis: attributes.axis)
        return [InferredValue(TensorType(elementType: scale.type.elementType, dimensions: data.type.dimensions))]
    }

    /// Scale and zero point are scalars, or vectors with one entry per index along the axis.
    private func checkParameters(_ data: InferredValue, axis: Int) throws(ShapeRuleError) {
        for index in 1...2 {
            guard let parameter = optional(index)?.type.dimensions else { continue }
            guard parameter.count <= 1 else {
                throw ShapeRuleError("input \(index) has rank \(parameter.count); blocked quantization is not handled")
            }
            guard let length = parameter.first, length != 1, let dimensions = data.type.dimensions else { continue }
            let axis = try self.axis(axis, rank: dimensions.count)
            _ = try unified(dimensions[axis], length, "extent of axis \(axis) and length of input \(index)")
        }
    }
}
