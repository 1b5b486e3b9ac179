public import Graphs

/// Recognises operators that exporters write out in many nodes, and makes one node of each.
///
/// So what is observed and quantized is what a runtime fuses: no value in the middle of a GELU gets a scale. An exporter at an
/// opset without the operator writes the nodes out again, and nothing quantized lies between them.
///
/// | Operator | Written out as |
/// |---|---|
/// | `Gelu` | `x / 2 * (1 + erf(x / sqrt(2)))`, `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))` |
/// | `Swish` (SiLU) | `x * sigmoid(alpha x)` |
/// | `HardSwish` | `x * clip(x + 3, 0, 6) / 6`, `x * hardSigmoid(x)` |
/// | `LayerNormalization` | `(x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale + shift` over the last axes |
///
/// Sums and products may come in any order and grouping. A pattern is fused only when nothing else reads a value in its middle.
public enum OperatorFusion {
    /// Fuses every pattern.
    ///
    /// - Returns: A graph that is equivalent up to rounding and up to how exactly its constants were written (2e-4 of each), and the nodes
    ///   that went into others, in node order.
    /// - Throws: `ConversionError.invalidGraph` when the shapes of the values contradict each other.
    public static func apply(to graph: Graph) throws(ConversionError) -> (graph: Graph, rewrites: [Rewrite]) {
        let source: FusionSource
        do {
            source = try FusionSource(graph)
        } catch {
            throw .invalidGraph(reason: error.description)
        }
        var matches: [Int: FusedOperator] = [:]
        var taken: Set<Int> = []
        for position in graph.nodes.indices where !taken.contains(position) {
            guard let match = source.gatedActivation(at: position) ?? source.layerNormalization(at: position),
                match.nodes.isDisjoint(with: taken), source.isClosed(match), let last = match.nodes.max()
            else { continue }
            taken.formUnion(match.nodes)
            matches[last] = match
        }
        return replace(matches, in: graph)
    }

    private static func replace(
        _ matches: [Int: FusedOperator], in graph: Graph
    ) -> (graph: Graph, rewrites: [Rewrite]) {
        var result = graph
        var rewrites: [Rewrite] = []
        var names = NameSource(graph)
        let hosts = Dictionary(
            uniqueKeysWithValues: matches.flatMap { last, match in match.nodes.map { ($0, last) } })
        result.nodes = []
        for (position, node) in graph.nodes.enumerated() {
            guard let host = hosts[position] else {
                result.nodes.append(node)
                continue
            }
            guard let match = matches[position] else {
                rewrites.append(
                    Rewrite(
                        node: node.name, operatorName: node.op.name,
                        action: .folded(into: graph.nodes[host].name)))
                continue
            }
            var inputs = match.inputs
            for constant in match.constants {
                let name = names.unused("\(node.name)_\(constant.role)")
                result.initializers[name] = constant.tensor
                inputs.append(name)
            }
            result.nodes.append(Node(name: node.name, op: match.op, inputs: inputs, outputs: node.outputs))
        }
        return (result, rewrites)
    }
}
