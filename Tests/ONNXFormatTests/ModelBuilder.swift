import Foundation
import Graphs
import ONNXFormat
import SwiftProtobuf
import Tensors

/// Makes model messages by hand, as old and odd exporters wrote them.
struct ModelBuilder {
    var proto = Onnx_ModelProto()

    init(opset: Int64 = 13, irVersion: Int64 = 8) {
        proto.irVersion = irVersion
        proto.graph.name = "test"
        declare(domain: "", opset: opset)
    }

    mutating func declare(domain: String, opset: Int64) {
        var entry = Onnx_OperatorSetIdProto()
        entry.domain = domain
        entry.version = opset
        proto.opsetImport.append(entry)
    }

    static func value(_ name: String, _ dims: [Int64], type: Int32 = 1) -> Onnx_ValueInfoProto {
        var info = Onnx_ValueInfoProto()
        info.name = name
        info.type.tensorType.elemType = type
        info.type.tensorType.shape = Onnx_TensorShapeProto()
        info.type.tensorType.shape.dim = dims.map { extent in
            var dimension = Onnx_TensorShapeProto.Dimension()
            dimension.dimValue = extent
            return dimension
        }
        return info
    }

    mutating func input(_ name: String, _ dims: [Int64], type: Int32 = 1) {
        proto.graph.input.append(Self.value(name, dims, type: type))
    }

    mutating func output(_ name: String, _ dims: [Int64] = [], type: Int32 = 1) {
        var info = Self.value(name, dims, type: type)
        if dims.isEmpty { info.type.tensorType.clearShape() }
        proto.graph.output.append(info)
    }

    static func floats(_ name: String, _ dims: [Int64], _ values: [Float]) -> Onnx_TensorProto {
        var tensor = Onnx_TensorProto()
        tensor.name = name
        tensor.dims = dims
        tensor.dataType = 1
        tensor.floatData = values
        return tensor
    }

    static func integers(_ name: String, _ values: [Int64]) -> Onnx_TensorProto {
        var tensor = Onnx_TensorProto()
        tensor.name = name
        tensor.dims = [Int64(values.count)]
        tensor.dataType = 7
        tensor.int64Data = values
        return tensor
    }

    static func flag(_ name: String, _ value: Bool) -> Onnx_TensorProto {
        var tensor = Onnx_TensorProto()
        tensor.name = name
        tensor.dataType = 9
        tensor.int32Data = [value ? 1 : 0]
        return tensor
    }

    static func node(
        _ opType: String, _ inputs: [String], _ outputs: [String], name: String = "", domain: String = "",
        _ attributes: [Onnx_AttributeProto] = []
    ) -> Onnx_NodeProto {
        var node = Onnx_NodeProto()
        node.opType = opType
        node.input = inputs
        node.output = outputs
        node.name = name
        node.domain = domain
        node.attribute = attributes
        return node
    }

    mutating func node(
        _ opType: String, _ inputs: [String], _ outputs: [String], name: String = "", domain: String = "",
        _ attributes: [Onnx_AttributeProto] = []
    ) {
        proto.graph.node.append(
            Self.node(opType, inputs, outputs, name: name, domain: domain, attributes))
    }

    /// Defines a function; attributes without a value have no default.
    mutating func function(
        _ name: String, domain: String = "local", opset: Int64 = 13, overload: String = "", _ inputs: [String],
        _ outputs: [String], attributes: [String] = [], defaults: [Onnx_AttributeProto] = [],
        nodes: [Onnx_NodeProto]
    ) {
        var function = Onnx_FunctionProto()
        function.name = name
        function.domain = domain
        if !overload.isEmpty { function.overload = overload }
        function.input = inputs
        function.output = outputs
        function.attribute = attributes
        function.attributeProto = defaults
        function.node = nodes
        for (domain, version) in [("", opset), (domain, 1)] {
            var entry = Onnx_OperatorSetIdProto()
            entry.domain = domain
            entry.version = version
            function.opsetImport.append(entry)
        }
        proto.functions.append(function)
    }

    /// One node from `x` (and constants) to `y`.
    static func single(
        _ opType: String, opset: Int64, dims: [Int64] = [2, 3], constants: [Onnx_TensorProto] = [],
        inputs: [String] = ["x"], type: Int32 = 1, _ attributes: [Onnx_AttributeProto] = []
    ) -> ModelBuilder {
        var model = ModelBuilder(opset: opset)
        model.input("x", dims, type: type)
        model.output("y", type: type)
        model.proto.graph.initializer = constants
        model.node(opType, inputs, ["y"], name: "n", attributes)
        return model
    }

    var bytes: Data {
        get throws { try proto.serializedBytes() }
    }

    func load(baseDirectory: URL? = nil) throws -> Graph {
        try ONNXModel.load(from: bytes, baseDirectory: baseDirectory).graph
    }

    /// The error of importing the model.
    func importError(baseDirectory: URL? = nil) throws -> ONNXImportError? {
        do throws(ONNXImportError) {
            _ = try ONNXModel.load(from: try bytesOrEmpty(), baseDirectory: baseDirectory)
            return nil
        } catch {
            return error
        }
    }

    private func bytesOrEmpty() throws(ONNXImportError) -> Data {
        do { return try bytes } catch { throw .notONNX(source: "test", byteCount: 0, reason: "\(error)") }
    }
}

extension Onnx_AttributeProto {
    static func make(
        _ name: String, _ type: AttributeType, _ set: (inout Onnx_AttributeProto) -> Void
    ) -> Onnx_AttributeProto {
        var attribute = Onnx_AttributeProto()
        attribute.name = name
        attribute.type = type
        set(&attribute)
        return attribute
    }

    static func integer(_ name: String, _ value: Int64) -> Onnx_AttributeProto { make(name, .int) { $0.i = value } }
    static func number(_ name: String, _ value: Float) -> Onnx_AttributeProto { make(name, .float) { $0.f = value } }
    static func text(_ name: String, _ value: String) -> Onnx_AttributeProto {
        make(name, .string) { $0.s = Data(value.utf8) }
    }
    static func integers(_ name: String, _ values: [Int64]) -> Onnx_AttributeProto {
        make(name, .ints) { $0.ints = values }
    }
    static func numbers(_ name: String, _ values: [Float]) -> Onnx_AttributeProto {
        make(name, .floats) { $0.floats = values }
    }
    static func tensor(_ name: String, _ value: Onnx_TensorProto) -> Onnx_AttributeProto {
        make(name, .tensor) { $0.t = value }
    }
    /// Inside a function: the value of the function's attribute `reference`.
    static func reference(_ name: String, _ type: AttributeType, to reference: String) -> Onnx_AttributeProto {
        make(name, type) { $0.refAttrName = reference }
    }
    static func graph(_ name: String, _ value: Onnx_GraphProto) -> Onnx_AttributeProto {
        make(name, .graph) { $0.g = value }
    }
}
