internal import Graphs
internal import Tensors

/// `If`, `Loop` and `Scan`.
enum ControlFamily {
    /// The first opset of each operator in a form that Tare reads; before opset 9 a scan went over a batch.
    static let since = ["If": 1, "Loop": 1, "Scan": 9]

    /// The attributes that hold the graphs of an operator; `nil` for other operators.
    static func graphAttributes(of opType: String) -> [String]? {
        guard since[opType] != nil else { return nil }
        return opType == "If" ? ["then_branch", "else_branch"] : ["body"]
    }

    /// The types of a body's own inputs.
    ///
    /// What a file says about them is not used: exporters leave it out, or write the extents of one iteration.
    static func formalTypes(
        of body: FlatGraph.FlatBody, in node: FlatGraph.FlatNode, known: [String: InferredValue]
    ) throws(NodeRefusal) -> [TensorType] {
        guard node.opset >= since[node.proto.opType] ?? 1 else {
            throw .attribute(
                "body", "scans over a batch (opset 8) are not handled; export the model with opset 9 or newer")
        }
        var types: [TensorType] = []
        for index in body.inputs.indices {
            if node.proto.opType == "Loop", index < 2 {
                types.append(TensorType(elementType: index == 0 ? .int64 : .bool, dimensions: []))
                continue
            }
            guard node.formalInputs.indices.contains(index), !node.formalInputs[index].isEmpty else {
                throw .input(index, "the body takes \(body.inputs.count) values of its own")
            }
            guard let type = known[node.formalInputs[index]]?.type else {
                throw .input(index, "its type must be known; sort the nodes of the model")
            }
            types.append(TensorType(elementType: type.elementType, dimensions: nil))
        }
        return types
    }

    /// The operator, from the attributes of a node and its bodies.
    static func op(_ node: FlatGraph.FlatNode, bodies: [Graph]) throws(NodeRefusal) -> ControlOperator {
        var reader = try AttributeReader(node.proto)
        let op: ControlOperator
        switch node.proto.opType {
        case "If":
            guard bodies[0].outputs.count == bodies[1].outputs.count else {
                throw .attribute(
                    "else_branch",
                    "the branches have \(bodies[0].outputs.count) and \(bodies[1].outputs.count) outputs")
            }
            op = .conditional(then: bodies[0], otherwise: bodies[1])
        case "Loop":
            let carriedCount = node.bodies[0].inputs.count - 2
            guard carriedCount >= 0, bodies[0].outputs.count >= 1 + carriedCount else {
                throw .attribute("body", "it should take an iteration and a condition, and give what it carries")
            }
            op = .loop(body: bodies[0], carriedCount: carriedCount)
        default: op = .scan(try scan(node, body: bodies[0], &reader))
        }
        let graphs = graphAttributes(of: node.proto.opType) ?? []
        if let unknown = reader.unread.first(where: { !graphs.contains($0) }) {
            throw .attribute(unknown, "the operator has no such attribute in opset \(node.opset)")
        }
        guard node.formalInputs.count == op.inputCount else {
            throw .input(
                node.formalInputs.count,
                "the node has \(node.formalInputs.count) inputs, its body wants \(op.inputCount)")
        }
        return op
    }

    private static func scan(
        _ node: FlatGraph.FlatNode, body: Graph, _ reader: inout AttributeReader
    ) throws(NodeRefusal) -> ScanAttributes {
        let inputCount = node.bodies[0].inputs.count
        guard let sequences = try reader.integer("num_scan_inputs"), sequences >= 1, sequences <= inputCount else {
            throw .attribute("num_scan_inputs", "it should be at least 1 and at most \(inputCount)")
        }
        let stateCount = inputCount - sequences
        let results = body.outputs.count - stateCount
        guard results >= 0 else { throw .attribute("body", "it should give \(stateCount) states") }
        func list(_ name: String, _ count: Int) throws(NodeRefusal) -> [Int] {
            guard let values = try reader.integers(name) else { return [Int](repeating: 0, count: count) }
            guard values.count == count else { throw .attribute(name, "it should have \(count) elements") }
            return values
        }
        return ScanAttributes(
            body: body, stateCount: stateCount, inputAxes: try list("scan_input_axes", sequences),
            reversesInputs: try list("scan_input_directions", sequences).map { $0 != 0 },
            outputAxes: try list("scan_output_axes", results),
            reversesOutputs: try list("scan_output_directions", results).map { $0 != 0 })
    }
}

extension ControlFamily {
    static func minimumOpset(_ op: ControlOperator) -> Int {
        op.bodies.flatMap(\.graph.nodes).map(\.op.minimumOpset).max() ?? 13
    }

    static func export(_ op: ControlOperator, to node: inout NodeExport) throws(ONNXExportError) {
        let captured = node.keepInputs(op.inputCount)
        for (attribute, graph) in op.bodies {
            let message = try GraphExporter.message(
                of: graph, formalCount: op.formalCount, captured: captured, opset: node.opset,
                constants: node.constants)
            node.set(attribute, message)
        }
        guard case .scan(let attributes) = op else { return }
        node.set("num_scan_inputs", attributes.inputAxes.count)
        node.set("scan_input_axes", attributes.inputAxes)
        node.set("scan_input_directions", attributes.reversesInputs.map { $0 ? 1 : 0 })
        node.set("scan_output_axes", attributes.outputAxes)
        node.set("scan_output_directions", attributes.reversesOutputs.map { $0 ? 1 : 0 })
    }
}

extension GraphExporter {
    /// The message of a graph inside a node.
    ///
    /// ONNX has no list of the values that such a graph reads from outside: `captured` are their names there.
    static func message(
        of graph: Graph, formalCount: Int, captured: [String], opset: Int, constants: [String: Tensor]
    ) throws(ONNXExportError) -> Onnx_GraphProto {
        var names: [String: String] = [:]
        var known = graph.initializers
        for (input, outer) in zip(graph.inputs.dropFirst(formalCount), captured) {
            names[input.name] = outer
            known[outer] = constants[outer]
        }
        var proto = Onnx_GraphProto()
        proto.name = graph.name
        for var node in graph.nodes {
            node.inputs = node.inputs.map { names[$0] ?? $0 }
            var exported = NodeExport(node, opset: opset, constants: known)
            try node.op.export(to: &exported)
            proto.node.append(exported.proto)
        }
        for name in graph.initializers.keys.sorted() {
            if let tensor = graph.initializers[name] {
                proto.initializer.append(TensorEncoder.message(tensor, name: name))
            }
        }
        proto.input = graph.inputs.prefix(formalCount).map { TensorEncoder.message($0.name, $0.type) }
        proto.output = graph.outputs.map { TensorEncoder.message($0.name, $0.type) }
        return proto
    }
}
