/// The type of one element of a tensor.
///
/// The names follow NumPy. Stored little-endian; `bool` takes one byte that is 0 or 1.
public enum ElementType: String, Sendable, Hashable, CaseIterable, Codable {
    case float32
    case float16
    case bfloat16
    case float64
    case int8
    case uint8
    case int16
    case uint16
    case int32
    case uint32
    case int64
    case uint64
    case bool

    /// Size of one element in bytes.
    public var byteCount: Int {
        switch self {
        case .int8, .uint8, .bool: 1
        case .float16, .bfloat16, .int16, .uint16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64, .uint64: 8
        }
    }

    /// Whether the type is one of the floating-point types.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float16, .bfloat16, .float64: true
        case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64, .bool: false
        }
    }
}
