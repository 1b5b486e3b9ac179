internal import Tensors

extension ElementType {
    /// The element type with an ONNX code; `nil` when Tare has no such type.
    init?(onnxCode: Int) {
        guard let type = ElementType.allCases.first(where: { $0.onnxCode == onnxCode }) else { return nil }
        self = type
    }

    /// The ONNX code.
    var onnxCode: Int { onnxDataType.rawValue }

    /// The ONNX code as an enumeration.
    private var onnxDataType: Onnx_TensorProto.DataType {
        switch self {
        case .float32: .float
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float64: .double
        case .int8: .int8
        case .uint8: .uint8
        case .int16: .int16
        case .uint16: .uint16
        case .int32: .int32
        case .uint32: .uint32
        case .int64: .int64
        case .uint64: .uint64
        case .bool: .bool
        }
    }

    /// What to call an ONNX code in a message: its name when it is known, else its number.
    static func description(ofONNXCode code: Int) -> String {
        guard let type = Onnx_TensorProto.DataType(rawValue: code) else { return "element type \(code)" }
        return "element type \(type)"
    }
}
