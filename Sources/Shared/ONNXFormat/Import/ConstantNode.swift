internal import Foundation

/// Reads the value of a `Constant` node.
enum ConstantNode {
    /// The tensor message that the node stands for.
    static func tensor(of node: Onnx_NodeProto) throws(NodeRefusal) -> Onnx_TensorProto {
        guard node.attribute.count == 1, let attribute = node.attribute.first else {
            throw .attribute("value", "a constant has exactly one value but the node has \(node.attribute.count)")
        }
        var reader = try AttributeReader(node)
        var tensor = Onnx_TensorProto()
        switch attribute.name {
        case "value":
            guard let value = try reader.tensor("value") else { break }
            tensor = value
        case "value_int":
            tensor.dataType = Int32(Onnx_TensorProto.DataType.int64.rawValue)
            tensor.int64Data = [Int64(try reader.integer("value_int") ?? 0)]
        case "value_ints":
            let values = try reader.integers("value_ints") ?? []
            tensor.dataType = Int32(Onnx_TensorProto.DataType.int64.rawValue)
            tensor.dims = [Int64(values.count)]
            tensor.int64Data = values.map(Int64.init)
        case "value_float":
            tensor.dataType = Int32(Onnx_TensorProto.DataType.float.rawValue)
            tensor.floatData = [try reader.number("value_float") ?? 0]
        case "value_floats":
            let values = try reader.numbers("value_floats") ?? []
            tensor.dataType = Int32(Onnx_TensorProto.DataType.float.rawValue)
            tensor.dims = [Int64(values.count)]
            tensor.floatData = values
        default:
            throw .attribute(attribute.name, "Tare handles dense numeric constants only")
        }
        return tensor
    }
}
