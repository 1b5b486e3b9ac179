internal import Foundation
internal import Graphs
internal import Tensors

/// Makes the messages of tensors and types.
enum TensorEncoder {
    /// A tensor with its elements.
    static func message(_ tensor: Tensor, name: String) -> Onnx_TensorProto {
        var proto = header(tensor, name: name)
        proto.rawData = unsafe tensor.withUnsafeBytes { unsafe Data($0) }
        return proto
    }

    /// A tensor whose elements lie in another file.
    static func message(_ tensor: Tensor, name: String, file: String, offset: Int) -> Onnx_TensorProto {
        var proto = header(tensor, name: name)
        proto.dataLocation = .external
        proto.externalData = [
            entry("location", file), entry("offset", String(offset)), entry("length", String(tensor.byteCount)),
        ]
        return proto
    }

    private static func header(_ tensor: Tensor, name: String) -> Onnx_TensorProto {
        var proto = Onnx_TensorProto()
        proto.dims = tensor.shape.dimensions.map(Int64.init)
        proto.dataType = Int32(tensor.elementType.onnxCode)
        if !name.isEmpty { proto.name = name }
        return proto
    }

    /// A key with its value.
    static func entry(_ key: String, _ value: String) -> Onnx_StringStringEntryProto {
        var entry = Onnx_StringStringEntryProto()
        entry.key = key
        entry.value = value
        return entry
    }

    /// A value with its type; unknown extents are left empty.
    static func message(_ name: String, _ type: TensorType) -> Onnx_ValueInfoProto {
        var tensor = Onnx_TypeProto.Tensor()
        tensor.elemType = Int32(type.elementType.onnxCode)
        if let dimensions = type.dimensions {
            tensor.shape.dim = dimensions.map { extent in
                var dimension = Onnx_TensorShapeProto.Dimension()
                switch extent {
                case .fixed(let value): dimension.dimValue = Int64(value)
                case .symbol(let symbol): dimension.dimParam = symbol
                case .unknown: break
                }
                return dimension
            }
            if dimensions.isEmpty { tensor.shape = Onnx_TensorShapeProto() }
        }
        var info = Onnx_ValueInfoProto()
        info.name = name
        info.type.tensorType = tensor
        return info
    }
}
