internal import Tensors

/// The sum of a tensor's absolute values, as level 1 writes it.
enum AbsoluteSum {
    /// The sum as text: exact for whole numbers and truth values, in double precision and element order for others.
    static func text(_ tensor: Tensor) -> String {
        switch tensor.elementType {
        case .float32: real(tensor, Float.self) { Double($0) }
        case .float16: real(tensor, Float16.self) { Double($0) }
        case .bfloat16: real(tensor, BFloat16.self) { Double(Float($0)) }
        case .float64: real(tensor, Double.self) { $0 }
        case .int8: whole(tensor, Int8.self)
        case .uint8: whole(tensor, UInt8.self)
        case .int16: whole(tensor, Int16.self)
        case .uint16: whole(tensor, UInt16.self)
        case .int32: whole(tensor, Int32.self)
        case .uint32: whole(tensor, UInt32.self)
        case .int64: whole(tensor, Int64.self)
        case .uint64: whole(tensor, UInt64.self)
        case .bool:
            tensor.withElements(as: Bool.self) { elements in
                var count = 0
                for index in elements.indices where elements[index] { count += 1 }
                return "\(count)"
            }
        }
    }

    private static func real<Element: TensorElement>(
        _ tensor: Tensor, _ type: Element.Type, _ value: (Element) -> Double
    ) -> String {
        tensor.withElements(as: type) { elements in
            var sum = 0.0
            for index in elements.indices { sum += value(elements[index]).magnitude }
            return SixDigitFormat.text(sum)
        }
    }

    private static func whole<Element: TensorElement & FixedWidthInteger>(
        _ tensor: Tensor, _ type: Element.Type
    ) -> String {
        tensor.withElements(as: type) { elements in
            // 2^64 magnitudes of 64 bits fit 128 bits.
            var sum: UInt128 = 0
            for index in elements.indices { sum += UInt128(elements[index].magnitude) }
            return "\(sum)"
        }
    }
}
