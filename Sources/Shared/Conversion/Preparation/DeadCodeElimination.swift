public import Graphs

/// Removes nodes whose outputs nobody needs, and constants that no node reads.
public enum DeadCodeElimination {
    /// Removes what does not contribute to the graph's outputs.
    ///
    /// - Returns: An equivalent graph and the removed nodes, in node order. Graph inputs stay even when they are not read.
    public static func apply(to graph: Graph) -> (graph: Graph, rewrites: [Rewrite]) {
        var needed = Set(graph.outputs.map(\.name))
        var kept: [Node] = []
        var rewrites: [Rewrite] = []
        for node in graph.nodes.reversed() {
            if node.outputs.contains(where: needed.contains) {
                needed.formUnion(node.inputs)
                kept.append(node)
            } else {
                rewrites.append(Rewrite(node: node.name, operatorName: node.op.name, action: .unused))
            }
        }
        var result = graph
        result.nodes = kept.reversed()
        result.initializers = graph.initializers.filter { needed.contains($0.key) }
        return (result, rewrites.reversed())
    }
}
