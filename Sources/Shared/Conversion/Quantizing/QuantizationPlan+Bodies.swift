internal import Graphs
internal import Tensors

extension QuantizationPlan {
    /// Values of the graphs inside `If`, `Loop` and `Scan` that are observed as well, sorted: what the nodes there that the
    /// options select read and write in `float32`.
    ///
    /// They stay in floating point; their statistics say what ranges an implementation with integers would meet.
    public var bodyTensors: [String] {
        var names: Set<String> = []
        for body in graph.nodes.flatMap(\.bodies) { collect(from: body, into: &names) }
        return names.sorted()
    }

    private func collect(from body: Graph, into names: inout Set<String>) {
        // A branch that does not fit what is known is never taken.
        let types = (try? ShapeInference.infer(body)) ?? [:]
        let own = Set(body.nodes.flatMap(\.outputs))
        for node in body.nodes {
            for inner in node.bodies { collect(from: inner, into: &names) }
            guard let kind = QuantizableOperator(node.op), options.operators.contains(kind) else { continue }
            for name in node.inputs + node.outputs where own.contains(name) && types[name]?.elementType == .float32 {
                names.insert(name)
            }
        }
    }
}
