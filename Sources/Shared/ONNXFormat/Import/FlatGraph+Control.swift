internal import Graphs
internal import Tensors

extension FlatGraph {
    /// Loops are nested at most so deep: to infer what they carry, each level is gone through several times.
    private static let maximumLoopDepth = 5

    /// Adds a node that runs graphs of its own; its inputs become those of the file and what the graphs read from outside.
    mutating func addControl(
        _ node: Onnx_NodeProto, name: String, graphAttributes: [String], opset: Int, scope: NameScope
    ) throws(ONNXImportError) {
        var scope = scope
        if node.opType != "If" { scope.loopDepth += 1 }
        guard scope.loopDepth <= Self.maximumLoopDepth else {
            throw .invalidValue(
                name: name, reason: "loops are nested more than \(Self.maximumLoopDepth) deep; unroll the inner ones")
        }
        var bodies: [FlatBody] = []
        for attribute in graphAttributes {
            guard let graph = node.attribute.first(where: { $0.name == attribute && $0.hasG })?.g else {
                throw .unsupportedAttributes([
                    .init(
                        node: name, operatorName: node.opType, attribute: "attribute '\(attribute)'",
                        reason: "the graph is missing")
                ])
            }
            let prefix = graphAttributes.count == 1 ? name : "\(name)/\(attribute)"
            bodies.append(try flatBody(graph, prefix: prefix, isBranch: node.opType == "If", scope: scope))
        }
        var formal = Array(node.input)
        if node.opType == "Loop" {
            // The first two may be absent, also from the end of the list.
            while formal.count < 2 { formal.append("") }
        }
        var flat = node
        flat.input = formal + Self.captures(of: bodies)
        nodes.append(
            FlatNode(name: name, proto: flat, opset: opset, conversion: nil, bodies: bodies, formalInputs: formal))
    }

    private mutating func flatBody(
        _ graph: Onnx_GraphProto, prefix: String, isBranch: Bool, scope outer: NameScope
    ) throws(ONNXImportError) -> FlatBody {
        var scope = outer.inner(prefix: prefix + "/")
        let own = graph.input.map(\.name) + graph.initializer.map(\.name) + graph.node.flatMap(\.output)
        rename(own, in: &scope)
        let around = nodes
        nodes = []
        try add(graph, scope: scope)
        // An output that no node of the graph makes, or that is given twice, is a copy: readers of ONNX want it so.
        let made = Set(nodes.flatMap(\.proto.output))
        var outputs: [String] = []
        for output in graph.output.map({ scope.value($0.name) }) {
            if made.contains(output), !outputs.contains(output) {
                outputs.append(output)
            } else {
                let copy = valueNames.unique("\(prefix)/result_\(outputs.count)")
                addIdentity(from: output, to: copy, name: copy, scope: scope)
                outputs.append(copy)
            }
        }
        let inside = nodes
        nodes = around
        return FlatBody(
            name: graph.name.isEmpty ? prefix : graph.name, inputs: graph.input.map { scope.value($0.name) },
            nodes: inside, outputs: outputs,
            outputTypes: graph.output.map(Self.type), isBranch: isBranch)
    }

    /// What the file says about an output: its symbols say nothing about what runs have in common.
    private static func type(of value: Onnx_ValueInfoProto) -> TensorType? {
        let tensor = value.type.tensorType
        guard let elementType = ElementType(onnxCode: Int(tensor.elemType)) else { return nil }
        let dimensions = tensor.shape.dim.map { extent -> Dimension in
            if case .dimValue(let value)? = extent.value, let known = Int(exactly: value), known >= 0 {
                .fixed(known)
            } else {
                .unknown
            }
        }
        return TensorType(elementType: elementType, dimensions: tensor.hasShape ? dimensions : nil)
    }

    /// What graphs read from outside, in the order of the first reader.
    private static func captures(of bodies: [FlatBody]) -> [String] {
        var captures: [String] = []
        var seen: Set<String> = []
        for body in bodies {
            let own = Set(body.inputs + body.nodes.flatMap(\.proto.output))
            for name in body.nodes.flatMap(\.proto.input)
            where !name.isEmpty && !own.contains(name) && seen.insert(name).inserted {
                captures.append(name)
            }
        }
        return captures
    }
}
