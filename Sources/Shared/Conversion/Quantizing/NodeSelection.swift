import Graphs

/// Which nodes the options let the quantizer touch.
struct NodeSelection {
    private let options: QuantizationOptions
    private let skippedOperators: Set<String>

    /// - Throws: `ConversionError` when a name or pattern of the options matches no node.
    init(_ prepared: PreparedGraph, options: QuantizationOptions) throws(ConversionError) {
        self.options = options
        skippedOperators = Set(options.skippedOperators)
        let nodes = prepared.graph.nodes
        let present = Set(nodes.map(\.op.name))
        for name in options.skippedOperators where !present.contains(name) {
            throw .unmatchedOperator(name: name, present: present.sorted())
        }
        for pattern in options.skippedNodes where !nodes.contains(where: { pattern.matches($0.name) }) {
            let removed = prepared.rewrites.first { pattern.matches($0.node) }
            throw .unmatchedNodePattern(pattern: pattern.text, removedNode: removed?.node)
        }
    }

    /// Why the node stays in floating point whatever its inputs are; `nil` when it may be quantized.
    func floatReason(_ node: Node) -> NodeDecision.FloatReason? {
        guard let kind = QuantizableOperator(node.op) else { return .operatorIsNotQuantizable }
        guard options.operators.contains(kind) else { return .operatorIsNotSelected }
        if skippedOperators.contains(node.op.name) { return .operatorIsSkipped }
        if let pattern = options.skippedNodes.first(where: { $0.matches(node.name) }) {
            return .nodeIsSkipped(pattern: pattern.text)
        }
        return nil
    }
}
