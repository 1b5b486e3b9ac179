public import Graphs

extension Graph {
    /// The graph in the form that `quantizeDynamicMLU` finds all layers in: constants are computed, unused nodes are gone.
    ///
    /// Normalizations stay nodes of their own, so the state dictionary is that of the model as it was exported.
    ///
    /// - Throws: `ConversionError.constantFolding` when a node with constant inputs cannot be computed.
    public func preparedForMLU() throws(ConversionError) -> Graph {
        let live = DeadCodeElimination.apply(to: self)
        return DeadCodeElimination.apply(to: try ConstantFolding.apply(to: live.graph).graph).graph
    }
}
