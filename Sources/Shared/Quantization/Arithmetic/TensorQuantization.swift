public import Tensors

/// How a real number half-way between two integers is rounded.
public enum QuantizedRounding: String, Sendable, Hashable, CaseIterable {
    /// To the even neighbour: `QuantizeLinear` of ONNX.
    case halfToEven
    /// To the neighbour farther from zero: MegEngine, Cambricon, and Tare's own integer arithmetic.
    case halfAwayFromZero

    /// The rule of the standard library.
    var rule: FloatingPointRoundingRule {
        switch self {
        case .halfToEven: .toNearestOrEven
        case .halfAwayFromZero: .toNearestOrAwayFromZero
        }
    }
}

/// Why a tensor does not fit its quantization parameters.
public enum QuantizationError: Error, Hashable, CustomStringConvertible {
    /// The tensor holds other elements than the operation reads.
    case elementType(ElementType, expected: ElementType)
    /// The shape has no such axis, or another extent along it than there are scales.
    case channels(Shape, axis: Int, scaleCount: Int)

    /// What is wrong.
    public var description: String {
        switch self {
        case .elementType(let type, let expected): "the tensor holds \(type) elements; \(expected) is needed"
        case .channels(let shape, let axis, let scaleCount):
            "a tensor of shape \(shape) does not have \(scaleCount) channels along axis \(axis)"
        }
    }
}

extension QuantizationParameters {
    /// Quantizes a `float32` tensor: `saturate(round(x / scale) + zeroPoint)`, with the division in `Float`.
    ///
    /// NaN becomes the type's smallest integer, infinities saturate.
    public func quantize(
        _ tensor: Tensor, rounding: QuantizedRounding = .halfToEven
    ) throws(QuantizationError) -> Tensor {
        let layout = try channelLayout(of: tensor, expecting: .float32)
        switch type {
        case .int8: return quantize(tensor, layout, rounding, to: Int8.self)
        case .uint8: return quantize(tensor, layout, rounding, to: UInt8.self)
        case .int16: return quantize(tensor, layout, rounding, to: Int16.self)
        case .uint16: return quantize(tensor, layout, rounding, to: UInt16.self)
        case .int32: return quantize(tensor, layout, rounding, to: Int32.self)
        }
    }

    /// Turns integers back into `float32`: `(integer - zeroPoint) * scale`, the difference rounded to `Float` first.
    public func dequantize(_ tensor: Tensor) throws(QuantizationError) -> Tensor {
        let layout = try channelLayout(of: tensor, expecting: type.elementType)
        switch type {
        case .int8: return dequantize(tensor, layout, from: Int8.self)
        case .uint8: return dequantize(tensor, layout, from: UInt8.self)
        case .int16: return dequantize(tensor, layout, from: Int16.self)
        case .uint16: return dequantize(tensor, layout, from: UInt16.self)
        case .int32: return dequantize(tensor, layout, from: Int32.self)
        }
    }

    private func channelLayout(
        of tensor: Tensor, expecting elementType: ElementType
    ) throws(QuantizationError) -> ChannelLayout {
        guard tensor.elementType == elementType else {
            throw .elementType(tensor.elementType, expected: elementType)
        }
        guard let layout = ChannelLayout(shape: tensor.shape, axis: axis), layout.channelCount == scales.count else {
            throw .channels(tensor.shape, axis: axis ?? 0, scaleCount: scales.count)
        }
        return layout
    }

    private func quantize<Integer: FixedWidthInteger & TensorElement>(
        _ tensor: Tensor, _ layout: ChannelLayout, _ rounding: QuantizedRounding, to type: Integer.Type
    ) -> Tensor {
        var result = Tensor(zeros: tensor.shape, elementType: Integer.elementType)
        let rule = rounding.rule
        tensor.withElements(as: Float.self) { (source: Span<Float>) in
            result.withMutableElements(as: Integer.self) { (destination: inout MutableSpan<Integer>) in
                layout.forEachRun { channel, run in
                    let scale = scales[channel]
                    let zeroPoint = Double(zeroPoints[channel])
                    for index in run {
                        let shifted = Double((source[index] / scale).rounded(rule)) + zeroPoint
                        // `max` first: it maps NaN to the smallest integer.
                        let low = shifted > Double(Integer.min) ? shifted : Double(Integer.min)
                        // By way of Int64: the generic conversion from Double is many times slower than the concrete one.
                        destination[index] = Integer(truncatingIfNeeded: Int64(min(low, Double(Integer.max))))
                    }
                }
            }
        }
        return result
    }

    private func dequantize<Integer: FixedWidthInteger & TensorElement>(
        _ tensor: Tensor, _ layout: ChannelLayout, from type: Integer.Type
    ) -> Tensor {
        var result = Tensor(zeros: tensor.shape, elementType: .float32)
        tensor.withElements(as: Integer.self) { (source: Span<Integer>) in
            result.withMutableElements(as: Float.self) { (destination: inout MutableSpan<Float>) in
                layout.forEachRun { channel, run in
                    let scale = scales[channel]
                    let zeroPoint = Int64(zeroPoints[channel])
                    for index in run { destination[index] = Float(Int64(source[index]) - zeroPoint) * scale }
                }
            }
        }
        return result
    }
}
