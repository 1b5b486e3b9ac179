public import Tensors

extension QuantizedTensorType {
    /// The element type of tensors that hold such integers.
    public var elementType: ElementType {
        switch dtype {
        case .qint8, .qint8Narrow, .qint4, .qint1, .qint2: .int8
        case .quint8, .quint4, .quint2: .uint8
        case .qint32: .int32
        }
    }

    /// Casts real numbers to integers: `clip(round(x / scale) + zeroPoint)`, divided in `Float`, halves away from zero.
    ///
    /// NaN becomes the smallest integer; infinities and everything else out of range become the nearest end of the range.
    public func integer(_ value: Float) -> Int32 {
        let rounded = Double((value / scale).rounded(.toNearestOrAwayFromZero)) + Double(zeroPoint ?? 0)
        // Comparing in this order maps NaN to the smallest integer.
        let low = rounded > Double(dtype.minimum) ? rounded : Double(dtype.minimum)
        return Int32(min(low, Double(dtype.maximum)))
    }

    /// Casts an integer to the real number that it stands for; the difference is rounded to `Float` before it is multiplied.
    public func real(_ integer: Int32) -> Float {
        Float(Int64(integer) - Int64(zeroPoint ?? 0)) * scale
    }

    /// Casts an integer of another type to this one: `clip(round((q - source zero) * (source scale / scale)) + zeroPoint)`.
    ///
    /// The ratio is a `Float`, the product a `Double`, and halves are rounded away from zero.
    public func integer(_ integer: Int32, of source: QuantizedTensorType) -> Int32 {
        let difference = Double(Int64(integer) - Int64(source.zeroPoint ?? 0))
        let product = difference * Double(source.scale / scale)
        let rounded = product.rounded(.toNearestOrAwayFromZero) + Double(zeroPoint ?? 0)
        return Int32(min(max(rounded, Double(dtype.minimum)), Double(dtype.maximum)))
    }

    /// Casts a `float32` tensor to integers, as `integer(_:)` does.
    public func quantize(_ tensor: Tensor) throws(QuantizationError) -> Tensor {
        guard tensor.elementType == .float32 else {
            throw .elementType(tensor.elementType, expected: .float32)
        }
        return stored(tensor.elements(as: Float.self).map { integer($0) }, shape: tensor.shape)
    }

    /// Casts a tensor of such integers to `float32`, as `real(_:)` does.
    public func dequantize(_ tensor: Tensor) throws(QuantizationError) -> Tensor {
        let integers = try integers(of: tensor)
        return Tensor(shape: tensor.shape, elements: integers.map { real($0) })
    }

    /// Casts a tensor of another quantized type to this one, as `integer(_:of:)` does.
    public func requantize(
        _ tensor: Tensor, from source: QuantizedTensorType
    ) throws(QuantizationError) -> Tensor {
        let integers = try source.integers(of: tensor)
        return stored(integers.map { integer($0, of: source) }, shape: tensor.shape)
    }

    private func integers(of tensor: Tensor) throws(QuantizationError) -> [Int32] {
        guard tensor.elementType == elementType else {
            throw .elementType(tensor.elementType, expected: elementType)
        }
        switch elementType {
        case .uint8: return tensor.elements(as: UInt8.self).map { Int32($0) }
        case .int32: return tensor.elements(as: Int32.self)
        default: return tensor.elements(as: Int8.self).map { Int32($0) }
        }
    }

    /// - Precondition: The integers lie in the kind's range.
    private func stored(_ integers: [Int32], shape: Shape) -> Tensor {
        switch elementType {
        case .uint8: Tensor(shape: shape, elements: integers.map { UInt8($0) })
        case .int32: Tensor(shape: shape, elements: integers)
        default: Tensor(shape: shape, elements: integers.map { Int8($0) })
        }
    }
}
