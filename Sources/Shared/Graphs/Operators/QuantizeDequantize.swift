public import Tensors

/// Attributes of `QuantizeLinear`: inputs x, scale, zero point (optional); `saturate(roundHalfEven(x / scale) + zp)`.
public struct QuantizeLinearAttributes: Hashable, Sendable {
    /// Axis of per-channel scales, or along which blocks share a scale.
    public var axis: Int
    /// Type of the result when there is no zero point; `nil` means `uint8` then.
    public var outputType: ElementType?
    /// How many neighbours along the axis share a scale; `nil` when all of a channel do.
    public var blockSize: Int?

    /// Makes attributes; the defaults are those of ONNX.
    public init(axis: Int = 1, outputType: ElementType? = nil, blockSize: Int? = nil) {
        self.axis = axis
        self.outputType = outputType
        self.blockSize = blockSize
    }
}

/// Attributes of `DequantizeLinear`: inputs x, scale, zero point (optional); `(x - zp) * scale`.
public struct DequantizeLinearAttributes: Hashable, Sendable {
    /// Axis of per-channel scales, or along which blocks share a scale.
    public var axis: Int
    /// How many neighbours along the axis share a scale; `nil` when all of a channel do.
    public var blockSize: Int?

    /// Makes attributes; the defaults are those of ONNX.
    public init(axis: Int = 1, blockSize: Int? = nil) {
        self.axis = axis
        self.blockSize = blockSize
    }
}

extension ShapeRule {
    func quantizeLinear(_ attributes: QuantizeLinearAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        let zeroPoint = optional(2)?.type.elementType
        if let zeroPoint, let declared = attributes.outputType, zeroPoint != declared {
            throw ShapeRuleError("the zero point is \(zeroPoint) but output_dtype is \(declared)")
        }
        try checkParameters(data, axis: attributes.axis, blockSize: attributes.blockSize)
        let type = zeroPoint ?? attributes.outputType ?? .uint8
        guard ElementTypes.quantized.contains(type) else { throw ShapeRuleError("values are not quantized to \(type)") }
        return [InferredValue(TensorType(elementType: type, dimensions: data.type.dimensions))]
    }

    func dequantizeLinear(_ attributes: DequantizeLinearAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        let scale = try required(1)
        try checkParameters(data, axis: attributes.axis, blockSize: attributes.blockSize)
        return [InferredValue(TensorType(elementType: scale.type.elementType, dimensions: data.type.dimensions))]
    }

    /// Scale and zero point are scalars, or vectors with one entry per index along the axis; with blocks they have an entry
    /// for each of these.
    private func checkParameters(_ data: InferredValue, axis: Int, blockSize: Int?) throws(ShapeRuleError) {
        for index in 1...2 {
            guard let parameter = optional(index)?.type.dimensions else { continue }
            if let blockSize {
                try checkBlocks(data, parameter, index: index, axis: axis, blockSize: blockSize)
                continue
            }
            guard parameter.count <= 1 else {
                throw ShapeRuleError("input \(index) has rank \(parameter.count), but there is no block_size")
            }
            guard let length = parameter.first, length != 1, let dimensions = data.type.dimensions else { continue }
            let axis = try self.axis(axis, rank: dimensions.count)
            _ = try unified(dimensions[axis], length, "extent of axis \(axis) and length of input \(index)")
        }
    }

    private func checkBlocks(
        _ data: InferredValue, _ parameter: [Dimension], index: Int, axis: Int, blockSize: Int
    ) throws(ShapeRuleError) {
        guard var expected = data.type.dimensions else { return }
        let axis = try self.axis(axis, rank: expected.count)
        expected[axis] = expected[axis].dividedRoundingUp(by: blockSize)
        guard parameter.count == expected.count else {
            throw ShapeRuleError("input \(index) has rank \(parameter.count), but with blocks that of the data")
        }
        for (first, second) in zip(expected, parameter) {
            _ = try unified(first, second, "blocks of \(blockSize) along axis \(axis) and input \(index)")
        }
    }
}
