public import Graphs

/// A float graph in the form that is calibrated and quantized, and how it came about.
public struct PreparedGraph: Sendable {
    /// The graph: all floating-point numbers in float32, constants folded, operators that were written out fused, normalizations folded, nothing unused.
    public var graph: Graph
    /// What was done, in the order of the passes and in node order within a pass.
    public var rewrites: [Rewrite]

    /// Prepares a float graph: 16-bit floating-point numbers widened, constant folding, fusion, batch-normalization folding, `Gemm` coefficients, dead code.
    ///
    /// The result computes the same as `graph` up to rounding. The same graph gives the same bytes.
    ///
    /// - Parameters:
    ///   - graph: The graph as it was imported.
    ///   - fusesOperators: Whether operators that are written out become one node.
    /// - Throws: `ConversionError.constantFolding` when a node with constant inputs cannot be computed.
    public init(_ graph: Graph, fusesOperators: Bool = true) throws(ConversionError) {
        // Unused nodes first, so that a dead branch neither blocks a fold nor fails one.
        let live = DeadCodeElimination.apply(to: graph)
        let constants = try ConstantFolding.apply(to: HalfPrecisionWidening.apply(to: live.graph))
        var fused: (graph: Graph, rewrites: [Rewrite]) = (constants.graph, [])
        if fusesOperators { fused = try OperatorFusion.apply(to: constants.graph) }
        let normalizations = BatchNormalizationFolding.apply(to: fused.graph)
        let coefficients = GemmCoefficientFolding.apply(to: normalizations.graph)
        let swept = DeadCodeElimination.apply(to: coefficients)
        self.graph = swept.graph
        rewrites = live.rewrites + constants.rewrites + fused.rewrites + normalizations.rewrites + swept.rewrites
    }
}
