public import Graphs

/// Removes nodes whose outputs nobody needs, and constants that no node reads.
public enum DeadCodeElimination {
    /// Removes what does not contribute to the graph's outputs.
    ///
    /// - Returns: An equivalent graph and the removed nodes, in node order. Graph inputs stay even when they are not read.
    public static func apply(to graph: Graph) -> (graph: Graph, rewrites: [Rewrite]) {
        let result = graph.removingUnusedNodes()
        let kept = Set(result.nodes.map(\.name))
        let removed = graph.nodes.filter { !kept.contains($0.name) }
        return (result, removed.map { Rewrite(node: $0.name, operatorName: $0.op.name, action: .unused) })
    }
}
