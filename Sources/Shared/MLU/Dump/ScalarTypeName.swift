internal import Tensors

extension ElementType {
    /// The name that dumps and the device log have for the type.
    var scalarTypeName: String {
        switch self {
        case .float32: "Float"
        case .float64: "Double"
        case .float16: "Half"
        case .bfloat16: "BFloat16"
        case .int8: "Char"
        case .uint8: "Byte"
        case .int16: "Short"
        case .uint16: "UInt16"
        case .int32: "Int"
        case .uint32: "UInt32"
        case .int64: "Long"
        case .uint64: "UInt64"
        case .bool: "Bool"
        }
    }
}
