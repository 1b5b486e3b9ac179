import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// Spatial extents of an activation.
    private func spatial(_ shape: Shape) -> [Int] { Array(shape.dimensions.dropFirst(2)) }

    /// A convolution with constant weights over a 3-D to 5-D activation, channels innermost.
    func emitConvolution(
        _ group: FusedGroup, _ node: Node, _ attributes: ConvolutionAttributes
    ) throws(ExecutionError) -> Bool {
        guard let input = floatShape(node.input(0)), let output = floatShape(node.outputs[0]),
            let weights = constant(node.input(1)), weights.elementType == .float32,
            weights.shape.rank == input.rank,
            let window = SlidingWindow(
                kernel: spatial(weights.shape), strides: attributes.strides, dilations: attributes.dilations,
                padding: attributes.padding, input: spatial(input), output: spatial(output))
        else { return false }
        return try emitConvolution(
            group, node, window: window, groups: attributes.groups, isTransposed: false, weights: weights)
    }

    /// A transposed convolution with constant weights over a 3-D to 5-D activation, channels innermost.
    func emitTransposedConvolution(
        _ group: FusedGroup, _ node: Node, _ attributes: TransposedConvolutionAttributes
    ) throws(ExecutionError) -> Bool {
        guard let input = floatShape(node.input(0)), let output = floatShape(node.outputs[0]),
            let weights = constant(node.input(1)), weights.elementType == .float32,
            weights.shape.rank == input.rank,
            let window = SlidingWindow(
                transposed: attributes, kernel: spatial(weights.shape), input: spatial(input),
                output: spatial(output))
        else { return false }
        return try emitConvolution(
            group, node, window: window, groups: attributes.convolution.groups, isTransposed: true, weights: weights)
    }

    private func emitConvolution(
        _ group: FusedGroup, _ node: Node, window: SlidingWindow, groups: Int, isTransposed: Bool, weights: Tensor
    ) throws(ExecutionError) -> Bool {
        guard let input = floatShape(node.input(0)), let output = floatShape(node.outputs[0]),
            (3...5).contains(input.rank), window.paddingBefore.allSatisfy({ $0 >= 0 })
        else { return false }
        var kernel = weights
        var bias = constant(node.input(2))
        if node.input(2) != nil, bias?.elementType != .float32 { return false }
        // Weights that depend on input shapes differ between plans.
        var key = self.weights.key(of: group.anchor, isShared: resolved.areInitializers([node.input(1)]))
        if let normalization = group.batchNormalization {
            guard let pair = fold(normalization, into: group.anchor, isTransposed ? groups : nil) else { return false }
            kernel = pair.weights
            bias = pair.bias
            if key != 0 { key += 1 }
        }
        let source = try channelsLastForm(of: node.inputs[0])
        let layout = StridedShape(channelsLast: output.dimensions)
        guard
            let tail = try tail(of: group, layout: layout, shape: output, sources: [source.position.slot])
        else { return false }
        let convolution = ConvolutionPrimitive(
            source: source.layout, destination: layout, window: window, groups: groups, isTransposed: isTransposed,
            weights: kernel, key: key, bias: bias, postOperations: tail.operations)
        guard
            let primitive = try create({ () throws(OneDNNError) in try context.convolution(convolution) })
        else { return false }
        append(.primitive(primitive, [source.position, tail.destination.position] + tail.operands))
        try define(outputName(of: group), [tail.destination])
        return true
    }

    private func fold(_ normalization: Int, into anchor: Int, _ transposedGroups: Int?) -> FoldedWeights.Pair? {
        let convolution = resolved.graph.nodes[anchor]
        let node = resolved.graph.nodes[normalization]
        let statistics = (1...4).compactMap { constant(node.input($0)) }
        guard case .batchNormalization(let attributes) = node.op, statistics.count == 4,
            let weights = constant(convolution.input(1))
        else { return nil }
        return self.weights.fold(
            position: anchor, weights: weights, bias: constant(convolution.input(2)),
            transposedGroups: transposedGroups, statistics: statistics, epsilon: attributes.epsilon)
    }
}
