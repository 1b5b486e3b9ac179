public import Tensors

extension Tensor {
    /// The tensor in another element type, by the rules of ONNX `Cast` (see `FloatConversion` for numbers that do not fit).
    public func converted(to type: ElementType) -> Tensor {
        if type == elementType { return self }
        switch elementType {
        case .float32: return Self.convertFloats(self, Float.self, to: type) { $0 }
        case .float16: return Self.convertFloats(self, Float16.self, to: type) { Float($0) }
        case .bfloat16: return Self.convertFloats(self, BFloat16.self, to: type) { Float($0) }
        case .float64: return convertDoubles(to: type)
        case .int8: return Self.convertIntegers(self, Int8.self, to: type)
        case .uint8: return Self.convertIntegers(self, UInt8.self, to: type)
        case .int16: return Self.convertIntegers(self, Int16.self, to: type)
        case .uint16: return Self.convertIntegers(self, UInt16.self, to: type)
        case .int32: return Self.convertIntegers(self, Int32.self, to: type)
        case .uint32: return Self.convertIntegers(self, UInt32.self, to: type)
        case .int64: return Self.convertIntegers(self, Int64.self, to: type)
        case .uint64: return Self.convertIntegers(self, UInt64.self, to: type)
        case .bool:
            let bytes = map(Bool.self) { $0 ? UInt8(1) : 0 }
            return Self.convertIntegers(bytes, UInt8.self, to: type)
        }
    }

    /// The tensor widened to the type in which `T` computes; shares the bytes when nothing changes.
    func widened<T: Lane>(to lane: T.Type) -> Tensor { converted(to: T.elementType) }

    /// A lane tensor narrowed to an element type: floats are rounded, integers keep their low bits.
    func narrowed(to type: ElementType) -> Tensor { converted(to: type) }

    /// Applies a function to every element.
    func map<Source: TensorElement, Target: TensorElement>(
        _ source: Source.Type, _ function: (Source) -> Target
    ) -> Tensor {
        withElements(as: Source.self) { input in
            var values: [Target] = []
            values.reserveCapacity(input.count)
            for index in input.indices { values.append(function(input[index])) }
            return Tensor(shape: shape, elements: values)
        }
    }

    @inline(__always)
    private static func convertFloats<Source: TensorElement>(
        _ tensor: Tensor, _ source: Source.Type, to type: ElementType, widen: (Source) -> Float
    ) -> Tensor {
        switch type {
        case .float32: tensor.map(source) { widen($0) }
        case .float16: tensor.map(source) { Float16(widen($0)) }
        case .bfloat16: tensor.map(source) { BFloat16(widen($0)) }
        case .float64: tensor.map(source) { Double(widen($0)) }
        case .int8: tensor.map(source) { Int8(truncatingIfNeeded: FloatConversion.int32(Double(widen($0)))) }
        case .uint8: tensor.map(source) { UInt8(truncatingIfNeeded: FloatConversion.int32(Double(widen($0)))) }
        case .int16: tensor.map(source) { Int16(truncatingIfNeeded: FloatConversion.int32(Double(widen($0)))) }
        case .uint16: tensor.map(source) { UInt16(truncatingIfNeeded: FloatConversion.int32(Double(widen($0)))) }
        case .int32: tensor.map(source) { FloatConversion.int32(Double(widen($0))) }
        case .uint32: tensor.map(source) { FloatConversion.uint32(Double(widen($0))) }
        case .int64: tensor.map(source) { FloatConversion.int64(Double(widen($0))) }
        case .uint64: tensor.map(source) { FloatConversion.uint64(Double(widen($0))) }
        case .bool: tensor.map(source) { widen($0) != 0 }
        }
    }

    /// Narrow floats are reached by way of `Float`, as in ONNX Runtime.
    private func convertDoubles(to type: ElementType) -> Tensor {
        switch type {
        case .float64: self
        case .float32: map(Double.self) { Float($0) }
        case .float16: map(Double.self) { Float16(Float($0)) }
        case .bfloat16: map(Double.self) { BFloat16(Float($0)) }
        case .int8: map(Double.self) { Int8(truncatingIfNeeded: FloatConversion.int32($0)) }
        case .uint8: map(Double.self) { UInt8(truncatingIfNeeded: FloatConversion.int32($0)) }
        case .int16: map(Double.self) { Int16(truncatingIfNeeded: FloatConversion.int32($0)) }
        case .uint16: map(Double.self) { UInt16(truncatingIfNeeded: FloatConversion.int32($0)) }
        case .int32: map(Double.self) { FloatConversion.int32($0) }
        case .uint32: map(Double.self) { FloatConversion.uint32($0) }
        case .int64: map(Double.self) { FloatConversion.int64($0) }
        case .uint64: map(Double.self) { FloatConversion.uint64($0) }
        case .bool: map(Double.self) { $0 != 0 }
        }
    }

    @inline(__always)
    private static func convertIntegers<Source: TensorElement & FixedWidthInteger>(
        _ tensor: Tensor, _ source: Source.Type, to type: ElementType
    ) -> Tensor {
        switch type {
        case .float32: tensor.map(source) { Float($0) }
        case .float16: tensor.map(source) { Float16(Float($0)) }
        case .bfloat16: tensor.map(source) { BFloat16(Float($0)) }
        case .float64: tensor.map(source) { Double($0) }
        case .int8: tensor.map(source) { Int8(truncatingIfNeeded: $0) }
        case .uint8: tensor.map(source) { UInt8(truncatingIfNeeded: $0) }
        case .int16: tensor.map(source) { Int16(truncatingIfNeeded: $0) }
        case .uint16: tensor.map(source) { UInt16(truncatingIfNeeded: $0) }
        case .int32: tensor.map(source) { Int32(truncatingIfNeeded: $0) }
        case .uint32: tensor.map(source) { UInt32(truncatingIfNeeded: $0) }
        case .int64: tensor.map(source) { Int64(truncatingIfNeeded: $0) }
        case .uint64: tensor.map(source) { UInt64(truncatingIfNeeded: $0) }
        case .bool: tensor.map(source) { $0 != 0 }
        }
    }
}
