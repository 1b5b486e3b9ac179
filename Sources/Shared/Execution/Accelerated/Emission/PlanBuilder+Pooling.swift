import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// A pooling window over a 3-D to 5-D activation, channels innermost.
    func emitPooling(
        _ node: Node, _ attributes: PoolingAttributes, _ algorithm: PoolingAlgorithm
    ) throws(ExecutionError) -> Bool {
        guard node.outputs.count == 1 || node.outputs.dropFirst().allSatisfy(\.isEmpty),
            let input = floatShape(node.input(0)), let output = floatShape(node.outputs[0]),
            (3...5).contains(input.rank),
            let window = SlidingWindow(
                kernel: attributes.kernelShape, strides: attributes.strides, dilations: attributes.dilations,
                padding: attributes.padding, input: Array(input.dimensions.dropFirst(2)),
                output: Array(output.dimensions.dropFirst(2)))
        else { return false }
        guard
            window.isRegular(
                explicitAfter: attributes.padding.after, includesPadding: algorithm == .averageIncludingPadding)
        else { return false }
        return try emitPooling(node, window, algorithm, input, output)
    }

    /// One window over all spatial axes.
    func emitGlobalPooling(_ node: Node, _ algorithm: PoolingAlgorithm) throws(ExecutionError) -> Bool {
        guard let input = floatShape(node.input(0)), let output = floatShape(node.outputs[0]),
            (3...5).contains(input.rank)
        else { return false }
        return try emitPooling(node, .whole(Array(input.dimensions.dropFirst(2))), algorithm, input, output)
    }

    /// Emits one pooling step whose window is known.
    func emitPooling(
        _ node: Node, _ window: SlidingWindow, _ algorithm: PoolingAlgorithm, _ input: Shape, _ output: Shape,
        resultLayout: StridedShape? = nil
    ) throws(ExecutionError) -> Bool {
        let source = try channelsLastForm(of: node.inputs[0])
        let spatialRank = input.rank - 2
        let pooled =
            resultLayout == nil
            ? output.dimensions : Array(input.dimensions.prefix(2)) + [Int](repeating: 1, count: spatialRank)
        let layout = StridedShape(channelsLast: pooled)
        guard
            let primitive = try create({ () throws(OneDNNError) in
                try context.pooling(source: source.layout, destination: layout, algorithm: algorithm, window: window)
            })
        else { return false }
        let target = newForm(layout)
        append(.primitive(primitive, [source.position, target.position]))
        if algorithm == .maximum {
            append(
                .lowestWindows(
                    LowestWindowsStep(
                        source: source.position, input: source.layout, result: target.position, output: layout,
                        window: window)))
        }
        try define(node.outputs[0], [ValueForm(position: target.position, layout: resultLayout ?? layout)])
        return true
    }
}

extension SlidingWindow {
    /// One window over everything.
    static func whole(_ extents: [Int]) -> SlidingWindow {
        let ones = [Int](repeating: 1, count: extents.count)
        let zeros = [Int](repeating: 0, count: extents.count)
        return SlidingWindow(
            kernel: extents, strides: ones, dilations: ones, paddingBefore: zeros, paddingAfter: zeros)
    }

    /// Whether the library computes the same as ONNX: each window holds an element of the data, and no window that
    /// counts its padding reaches beyond it.
    func isRegular(explicitAfter: [Int]?, includesPadding: Bool) -> Bool {
        for axis in kernel.indices {
            let extent = (kernel[axis] - 1) * dilations[axis] + 1
            if paddingBefore[axis] < 0 || paddingBefore[axis] >= extent || paddingAfter[axis] >= extent { return false }
            if includesPadding, let explicitAfter {
                let declared = explicitAfter.isEmpty ? 0 : explicitAfter[axis]
                if paddingAfter[axis] > declared { return false }
            }
        }
        return true
    }
}

extension WindowPadding {
    /// The declared padding after each axis, when it is explicit.
    var after: [Int]? {
        switch self {
        case .explicit(_, let after): after
        case .valid: []
        case .sameUpper, .sameLower: nil
        }
    }
}
