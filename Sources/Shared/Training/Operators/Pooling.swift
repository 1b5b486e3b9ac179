import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    func pool(_ node: Node, _ attributes: PoolingAttributes, isMaximum: Bool) throws(TrainingError) {
        let (input, output) = (try shape(of: node.inputs[0]), try shape(of: node.outputs[0]))
        guard
            let window = SlidingWindow(
                kernel: attributes.kernelShape, strides: attributes.strides, dilations: attributes.dilations,
                padding: attributes.padding, input: Array(input.dimensions.dropFirst(2)),
                output: Array(output.dimensions.dropFirst(2)))
        else { throw refusal("a window over \(input)") }
        var counted = window
        if case .explicit(_, let after) = attributes.padding {
            // A ceiling lets the last window reach over the padding, which then does not count.
            counted.paddingAfter = after.isEmpty ? window.paddingAfter.map { _ in 0 } : after
        }
        try pool(node, counted, countsPadding: attributes.countIncludesPadding, isMaximum: isMaximum)
    }

    func globalPool(_ node: Node, isMaximum: Bool) throws(TrainingError) {
        let spatial = Array(try shape(of: node.inputs[0]).dimensions.dropFirst(2))
        // The kernels take three spatial axes; more of them are one long axis.
        let extents = spatial.count > 3 ? [spatial.reduce(1, *)] : (spatial.isEmpty ? [1] : spatial)
        let ones = extents.map { _ in 1 }
        guard
            let window = SlidingWindow(
                kernel: extents, strides: ones, dilations: ones, padding: .valid, input: extents, output: ones)
        else { throw refusal("a window over \(extents)") }
        try pool(node, window, countsPadding: false, isMaximum: isMaximum, input: extents, output: ones)
    }

    private func pool(
        _ node: Node, _ window: SlidingWindow, countsPadding: Bool, isMaximum: Bool, input: [Int]? = nil,
        output: [Int]? = nil
    ) throws(TrainingError) {
        let source = try form(node.inputs[0], .channelsLast)
        let x = variables[source]
        let y = try define(node.outputs[0], .channelsLast)
        let result = variables[y]
        let pooling = StepMemory.Pooling(
            batch: x.shape[0], channels: x.shape[1], input: input ?? Array(x.shape.dimensions.dropFirst(2)),
            output: output ?? Array(result.shape.dimensions.dropFirst(2)), window: window, countsPadding: countsPadding)
        guard isMaximum else {
            step([x.slot, result.slot]) { memory in memory.averagePool(pooling, x.slot, to: result.slot) }
            onBackward(of: y) { (builder, dy) in
                let dx = builder.floats(x.count)
                builder.step([dy, dx]) { memory in memory.averagePoolBackward(pooling, dy, to: dx) }
                builder.contribute(dx, to: source)
            }
            return
        }
        let positions = addSlot(.arena, byteCount: result.count * MemoryLayout<Int32>.stride)
        step([x.slot, result.slot, positions]) { memory in
            memory.maxPool(pooling, x.slot, to: result.slot, positions: positions)
        }
        onBackward(of: y) { (builder, dy) in
            let dx = builder.floats(x.count)
            builder.step([positions, dy, dx]) { memory in
                memory.maxPoolBackward(pooling, positions: positions, dy, to: dx)
            }
            builder.contribute(dx, to: source)
        }
    }
}
