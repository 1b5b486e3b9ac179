import Graphs
import Tensors

/// Element type and shape of a value.
struct ResolvedType: Hashable, Sendable {
    /// Type of one element.
    var elementType: ElementType
    /// The extents.
    var shape: Shape
}

/// A graph for given input shapes: every value is a constant or has a known type and shape.
struct ResolvedGraph {
    /// The graph.
    let graph: Graph
    /// Values that depend on initializers and input shapes only.
    let constants: [String: Tensor]
    /// Names of the constants that do not even depend on input shapes.
    let fixedConstants: Set<String>
    /// Type and shape of every value, constants included.
    let types: [String: ResolvedType]
    /// Positions of the nodes that must run, ascending: not constant, and needed for an output or observed value.
    let liveNodes: [Int]

    /// Whether the values are the same for all input shapes.
    func areInitializers(_ names: [String?]) -> Bool {
        names.allSatisfy { $0.map(fixedConstants.contains) ?? true }
    }
}
