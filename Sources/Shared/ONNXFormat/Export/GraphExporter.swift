internal import Foundation
internal import Graphs
internal import Tensors

/// Makes the message of a graph.
struct GraphExporter {
    /// The graph.
    let graph: Graph
    /// Version of ONNX's operators that the file gets.
    let opset: Int
    /// Names of the constants in the order of their first reader; constants that nothing reads are left out.
    let constantNames: [String]

    private let types: [String: TensorType]

    /// Checks the graph and chooses the opset.
    init(_ graph: Graph, options: ONNXExportOptions) throws(ONNXExportError) {
        do {
            try graph.validate()
        } catch {
            throw .invalidGraph(error)
        }
        let given = try Self.types(of: graph)
        guard options.minimumOpset <= ONNXExportOptions.supportedOpsets.upperBound else {
            throw .unsupportedOpset(options.minimumOpset)
        }
        // What later opsets added Tare uses in few operators, which ask for them; all else can be written as 21.
        let declared = min(graph.sourceOpset, ONNXExportOptions.supportedOpsets.upperBound)
        var older = graph
        older.nodes.removeAll(where: OperatorExpansion.canExpand)
        let needed = Self.opset(older, types: given, atLeast: max(options.minimumOpset, declared, 13))
        self.graph = OperatorExpansion.apply(to: graph, types: given, opset: needed)
        types = try Self.types(of: self.graph)
        opset = Self.opset(self.graph, types: types, atLeast: needed)
        constantNames = Self.constantsByFirstUse(self.graph, opset: opset)
    }

    private static func types(of graph: Graph) throws(ONNXExportError) -> [String: TensorType] {
        do {
            return try ShapeInference.infer(graph)
        } catch {
            throw .inconsistentTypes(error)
        }
    }

    /// The version of the file format that came with the opset.
    var irVersion: Int {
        switch opset {
        case ...18: 8
        case 19...20: 9
        case 21...22: 10
        case 23: 11
        case 24: 12
        default: 13
        }
    }

    /// The highest of what the operators and their types need.
    private static func opset(_ graph: Graph, types: [String: TensorType], atLeast minimum: Int) -> Int {
        var opset = minimum
        for node in graph.nodes {
            opset = max(opset, node.op.minimumOpset, typeOpset(of: node, types: types))
            for body in node.bodies {
                // What cannot be inferred without the values around it needs nothing that those do not need.
                opset = Self.opset(body, types: (try? ShapeInference.infer(body)) ?? [:], atLeast: opset)
            }
            if case .pad = node.op, node.input(3) != nil { opset = max(opset, 18) }
            if case .reduce(let attributes) = node.op, let axes = node.input(1), graph.initializers[axes] == nil {
                opset = max(opset, ReductionFamily.axesAreInput(since: attributes.function))
            }
            if case .split(_, let count?) = node.op, !splitsEvenly(node, count: count, types: types) {
                opset = max(opset, 18)
            }
        }
        return opset
    }

    /// Before opset 18 all parts of a `Split` without sizes are equal.
    private static func splitsEvenly(_ node: Node, count: Int, types: [String: TensorType]) -> Bool {
        let parts = node.outputs.prefix(count).compactMap { types[$0]?.dimensions }
        return parts.count == count && parts.allSatisfy { $0 == parts[0] }
    }

    /// Types came to operators over time.
    private static func typeOpset(of node: Node, types: [String: TensorType]) -> Int {
        let used = Set((node.inputs + node.outputs).compactMap { types[$0]?.elementType })
        switch node.op {
        case .quantizeLinear, .dequantizeLinear:
            if used.contains(.int16) || used.contains(.uint16) { return 21 }
            return used.contains(.float16) || used.contains(.bfloat16) ? 19 : 13
        case .integer(.requantizedMatMul):
            return used.contains(.float16) || used.contains(.bfloat16) ? 21 : 13
        case .unary(.relu):
            return used.isDisjoint(with: [.int8, .int16, .int32, .int64]) ? 13 : 14
        case .binary(.add), .binary(.subtract), .binary(.multiply), .binary(.divide):
            return used.isDisjoint(with: [.int8, .uint8, .int16, .uint16]) ? 13 : 14
        case .batchNormalization:
            return used.contains(.bfloat16) ? 15 : 13
        case .reduce(let attributes):
            let ordered = attributes.function == .minimum || attributes.function == .maximum
            return ordered && used.contains(.bool) ? 20 : 13
        default: return 13
        }
    }

    private static func constantsByFirstUse(_ graph: Graph, opset: Int) -> [String] {
        var names: [String] = []
        var seen: Set<String> = []
        for node in graph.nodes {
            for name in node.inputs where graph.initializers[name] != nil && seen.insert(name).inserted {
                names.append(name)
            }
        }
        for output in graph.outputs where graph.initializers[output.name] != nil && seen.insert(output.name).inserted {
            names.append(output.name)
        }
        return names
    }

    /// The message; `encode` makes the message of a constant.
    func message(
        encode: (Tensor, String) -> Onnx_TensorProto
    ) throws(ONNXExportError) -> Onnx_GraphProto {
        var proto = Onnx_GraphProto()
        // The checker wants a name.
        proto.name = graph.name.isEmpty ? "graph" : graph.name
        var read = Set(graph.outputs.map(\.name))
        for node in graph.nodes {
            var exported = NodeExport(node, opset: opset, constants: graph.initializers)
            try node.op.export(to: &exported)
            read.formUnion(node.bodies.isEmpty ? exported.proto.input : node.inputs)
            proto.node.append(exported.proto)
        }
        // Constants that went into attributes have no reader any more.
        for name in constantNames where read.contains(name) {
            if let tensor = graph.initializers[name] { proto.initializer.append(encode(tensor, name)) }
        }
        proto.input = graph.inputs.map { TensorEncoder.message($0.name, $0.type) }
        proto.output = graph.outputs.map { TensorEncoder.message($0.name, outputType($0)) }
        return proto
    }

    /// What is inferred is at least as good as what an imported file claimed, except where nothing could be inferred.
    private func outputType(_ output: Graph.Value) -> TensorType {
        guard let inferred = types[output.name] else { return output.type }
        guard let dimensions = inferred.dimensions else {
            return TensorType(elementType: inferred.elementType, dimensions: output.type.dimensions)
        }
        guard let declared = output.type.dimensions, declared.count == dimensions.count else { return inferred }
        let merged = zip(dimensions, declared).map { $0.fixedValue == nil ? $1 : $0 }
        return TensorType(elementType: inferred.elementType, dimensions: merged)
    }
}
