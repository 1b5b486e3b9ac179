import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// A pair of QuantizeLinear and DequantizeLinear, over the memory as it lies.
    func emitQuantizationPair(_ group: FusedGroup) throws(ExecutionError) -> Bool {
        let nodes = group.nodes.map { resolved.graph.nodes[$0] }
        guard nodes.count == 2, let pair = QuantizationPair(nodes[0], nodes[1], in: resolved) else { return false }
        let source = try denseForm(of: pair.source)
        let target = canOverwrite(source, by: group) ? source : newForm(source.layout)
        let count = source.layout.elementCount
        // Without gaps, the elements between two neighbours along an axis are those that share its index.
        let run = pair.scales.count == 1 ? count : source.layout.strides[pair.axis]
        append(
            .round(
                RoundingStep(
                    source: source.position, result: target.position, count: count, run: run, scales: pair.scales,
                    minima: pair.minima, maxima: pair.maxima)))
        try define(pair.result, [ValueForm(position: target.position, layout: source.layout)])
        return true
    }
}
