internal import Foundation
internal import Graphs
internal import Tensors

/// One node of the graph on its way into a file.
struct NodeExport {
    /// Version of ONNX's operators that the file has.
    let opset: Int
    /// The node.
    let node: Node
    /// The message, with inputs and outputs set.
    private(set) var proto = Onnx_NodeProto()

    /// Constants by name.
    let constants: [String: Tensor]

    init(_ node: Node, opset: Int, constants: [String: Tensor]) {
        self.node = node
        self.opset = opset
        self.constants = constants
        proto.name = node.name
        proto.opType = node.op.name
        proto.domain = node.op.domain
        proto.input = node.inputs
        proto.output = node.outputs
    }

    // MARK: Inputs that old opsets keep in attributes

    /// Takes input `index` out of the inputs.
    ///
    /// - Returns: Its integers; `nil` when the input is absent.
    mutating func takeIntegers(input index: Int) throws(ONNXExportError) -> [Int]? {
        guard let name = node.input(index) else { return nil }
        guard let constant = constants[name], constant.elementType == .int64 else {
            throw inexpressible(
                "input \(index) ('\(name)') must be a constant in opset \(opset); ask for opset 18 or newer")
        }
        proto.input = Array(proto.input.prefix(index))
        while proto.input.last == "" { proto.input.removeLast() }
        return constant.elements(as: Int64.self).map(Int.init)
    }

    /// Drops the inputs from `count` on, and absent ones at the new end.
    ///
    /// - Returns: The inputs that were dropped.
    mutating func keepInputs(_ count: Int) -> [String] {
        proto.input = Array(node.inputs.prefix(count))
        while proto.input.last == "" { proto.input.removeLast() }
        return Array(node.inputs.dropFirst(count))
    }

    /// An error about the node.
    func inexpressible(_ reason: String) -> ONNXExportError {
        .inexpressible(node: node.name, operatorName: node.op.name, reason: reason)
    }

    // MARK: Attributes

    private mutating func add(
        _ name: String, _ type: Onnx_AttributeProto.AttributeType, _ set: (inout Onnx_AttributeProto) -> Void
    ) {
        var attribute = Onnx_AttributeProto()
        attribute.name = name
        attribute.type = type
        set(&attribute)
        proto.attribute.append(attribute)
    }

    mutating func set(_ name: String, _ value: Int) {
        add(name, .int) { $0.i = Int64(value) }
    }

    mutating func set(_ name: String, _ value: Bool) {
        set(name, value ? 1 : 0)
    }

    mutating func set(_ name: String, _ value: Float) {
        add(name, .float) { $0.f = value }
    }

    mutating func set(_ name: String, _ value: String) {
        add(name, .string) { $0.s = Data(value.utf8) }
    }

    mutating func set(_ name: String, _ values: [Int]) {
        add(name, .ints) { $0.ints = values.map(Int64.init) }
    }

    mutating func set(_ name: String, _ values: [Float]) {
        add(name, .floats) { $0.floats = values }
    }

    mutating func set(_ name: String, _ values: [String]) {
        add(name, .strings) { $0.strings = values.map { Data($0.utf8) } }
    }

    mutating func set(_ name: String, _ graph: Onnx_GraphProto) {
        add(name, .graph) { $0.g = graph }
    }

    mutating func set(_ name: String, _ tensor: Tensor) {
        add(name, .tensor) { $0.t = TensorEncoder.message(tensor, name: "") }
    }

    /// Sets an enumeration that is stored as text.
    mutating func set<Value: Equatable>(_ name: String, _ value: Value, from choices: [(String, Value)]) {
        if let choice = choices.first(where: { $0.1 == value }) { set(name, choice.0) }
    }
}
