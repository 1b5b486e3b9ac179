import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// Pooling of quantized bytes, channels innermost; `nil` is one window over everything.
    ///
    /// Averages of integers of one scale are integers of it, halves away from zero.
    func emitBytePooling(
        _ node: Node, _ attributes: PoolingAttributes?, _ algorithm: PoolingAlgorithm
    ) throws(ExecutionError) -> Bool {
        guard node.outputs.dropFirst().allSatisfy(\.isEmpty), let (input, isUnsigned) = byteShape(node.input(0)),
            let output = byteShape(node.outputs[0])?.shape, (3...5).contains(input.rank),
            let window = bytePoolingWindow(attributes, algorithm, input, output)
        else { return false }
        let source = try channelsLastForm(of: node.inputs[0])
        let target = newByteForm(StridedShape(channelsLast: output.dimensions))
        if algorithm == .maximum {
            guard window.dilations.allSatisfy({ $0 == 1 }),
                let primitive = try create({ () throws(OneDNNError) in
                    try context.integerPooling(
                        source: source.layout, destination: target.layout, window: window, isUnsigned: isUnsigned)
                })
            else { return false }
            append(.primitive(primitive, [source.position, target.position]))
        } else {
            append(
                .bytes(
                    .average(
                        AverageBytesStep(
                            window: IntegerWindow(
                                window: window, groups: 1, data: input, outputChannels: input[1],
                                output: Array(output.dimensions.dropFirst(2))),
                            isUnsigned: isUnsigned, countsPadding: algorithm == .averageIncludingPadding,
                            source: source.position, result: target.position))))
        }
        try define(node.outputs[0], [target])
        return true
    }

    private func bytePoolingWindow(
        _ attributes: PoolingAttributes?, _ algorithm: PoolingAlgorithm, _ input: Shape, _ output: Shape
    ) -> SlidingWindow? {
        let extents = Array(input.dimensions.dropFirst(2))
        guard let attributes else { return .whole(extents) }
        guard
            let window = SlidingWindow(
                kernel: attributes.kernelShape, strides: attributes.strides, dilations: attributes.dilations,
                padding: attributes.padding, input: extents, output: Array(output.dimensions.dropFirst(2))),
            window.isRegular(
                explicitAfter: attributes.padding.after, includesPadding: algorithm == .averageIncludingPadding)
        else { return nil }
        return window
    }
}
