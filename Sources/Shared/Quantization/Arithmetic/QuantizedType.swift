public import Tensors

/// An integer type that quantized values are stored in.
public enum QuantizedType: String, Sendable, Hashable, CaseIterable, Codable {
    case int8
    case uint8
    case int16
    case uint16
    case int32

    /// Smallest storable integer, for example -128 for `int8`.
    public var minimum: Int64 {
        switch self {
        case .int8: -128
        case .int16: -32768
        case .int32: Int64(Int32.min)
        case .uint8, .uint16: 0
        }
    }

    /// Largest storable integer, for example 127 for `int8`.
    public var maximum: Int64 {
        switch self {
        case .int8: 127
        case .uint8: 255
        case .int16: 32767
        case .uint16: 65535
        case .int32: Int64(Int32.max)
        }
    }

    /// Whether the type holds negative numbers.
    public var isSigned: Bool {
        switch self {
        case .int8, .int16, .int32: true
        case .uint8, .uint16: false
        }
    }

    /// The element type of a tensor of such integers.
    public var elementType: ElementType {
        switch self {
        case .int8: .int8
        case .uint8: .uint8
        case .int16: .int16
        case .uint16: .uint16
        case .int32: .int32
        }
    }

    /// The quantized type of a tensor's elements; `nil` for an element type that is no quantized type.
    public init?(_ elementType: ElementType) {
        switch elementType {
        case .int8: self = .int8
        case .uint8: self = .uint8
        case .int16: self = .int16
        case .uint16: self = .uint16
        case .int32: self = .int32
        case .float32, .float16, .bfloat16, .float64, .uint32, .int64, .uint64, .bool: return nil
        }
    }
}
