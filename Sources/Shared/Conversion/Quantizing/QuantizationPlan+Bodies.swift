internal import Graphs
internal import Tensors

extension QuantizationPlan {
    /// Values that are observed as well for the graphs inside `If`, `Loop` and `Scan`, sorted: what the nodes there that the
    /// options select read and write in `float32`.
    ///
    /// Constants are left out; what comes from outside has its name there.
    /// They stay in floating point; their statistics say what ranges an implementation with integers would meet.
    public var bodyTensors: [String] {
        var names: Set<String> = []
        let outside = Set(graph.inputs.map(\.name)).union(graph.nodes.flatMap(\.outputs))
        collect(
            from: graph.nodes, readable: Dictionary(outside.map { ($0, $0) }, uniquingKeysWith: { $1 }), into: &names)
        return names.sorted()
    }

    /// Follows the graphs inside of nodes; `readable` are the values that are no constants around these nodes, with the names
    /// under which they are observed.
    private func collect(from nodes: [Node], readable: [String: String], into names: inout Set<String>) {
        for node in nodes {
            guard case .control(let op) = node.op else { continue }
            let captured = node.inputs.dropFirst(op.inputCount).map { readable[$0] }
            for body in op.bodies.map(\.graph) {
                let formal = body.inputs.prefix(op.formalCount).map(\.name)
                var inside = Dictionary(
                    (formal + body.nodes.flatMap(\.outputs)).map { ($0, $0) }, uniquingKeysWith: { $1 })
                for (input, name) in zip(body.inputs.dropFirst(op.formalCount), captured) { inside[input.name] = name }
                collect(fromBody: body, readable: inside, into: &names)
            }
        }
    }

    private func collect(fromBody body: Graph, readable: [String: String], into names: inout Set<String>) {
        // A branch that does not fit what is known is never taken.
        let types = (try? ShapeInference.infer(body)) ?? [:]
        for node in body.nodes {
            guard let kind = QuantizableOperator(node.op), options.operators.contains(kind) else { continue }
            for name in node.inputs + node.outputs where types[name]?.elementType == .float32 {
                if let observed = readable[name] { names.insert(observed) }
            }
        }
        collect(from: body.nodes, readable: readable, into: &names)
    }
}
