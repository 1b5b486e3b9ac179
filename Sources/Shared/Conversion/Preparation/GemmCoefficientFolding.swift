public import Graphs
import Tensors

/// Moves `alpha` and `beta` of a `Gemm` into its constant weight and bias, so that both factors are 1.
///
/// Quantized kernels need that: the int32 bias is added to the product before any factor applies.
public enum GemmCoefficientFolding {
    /// Folds the coefficients of every `Gemm` whose weight (and bias, if any) is a `float32` constant.
    ///
    /// - Returns: A graph that is equivalent up to rounding.
    public static func apply(to graph: Graph) -> Graph {
        var result = graph
        var names = NameSource(graph)
        let index = GraphIndex(graph)
        for (position, node) in graph.nodes.enumerated() {
            guard case .gemm(var attributes) = node.op, attributes.alpha != 1 || attributes.beta != 1 else { continue }
            var scaled = node
            if attributes.alpha != 1,
                let name = store(scaledBy: attributes.alpha, input: 1, of: position, in: &result, index, &names)
            {
                scaled.inputs[1] = name
                attributes.alpha = 1
            }
            if node.input(2) == nil {
                attributes.beta = 1
            } else if attributes.beta != 1,
                let name = store(scaledBy: attributes.beta, input: 2, of: position, in: &result, index, &names)
            {
                scaled.inputs[2] = name
                attributes.beta = 1
            }
            scaled.op = .gemm(attributes)
            result.nodes[position] = scaled
        }
        return result
    }

    /// Multiplies a constant input; in place when nothing else reads it.
    private static func store(
        scaledBy factor: Float, input: Int, of position: Int, in graph: inout Graph, _ index: GraphIndex,
        _ names: inout NameSource
    ) -> String? {
        guard let name = graph.nodes[position].input(input), let elements = graph.floatConstant(name),
            let shape = graph.initializers[name]?.shape
        else { return nil }
        let target =
            index.soleReader(of: name) == NodeInput(node: position, input: input)
            ? name : names.unused(name + "_folded")
        graph.initializers[target] = Tensor(shape: shape, elements: elements.map { $0 * factor })
        return target
    }
}
