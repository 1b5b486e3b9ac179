import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    func convolution(_ node: Node, _ attributes: ConvolutionAttributes) throws(TrainingError) {
        let source = try shape(of: node.inputs[0])
        let destination = try shape(of: node.outputs[0])
        let kernel = Array(try shape(of: node.inputs[1]).dimensions.dropFirst(2))
        guard
            let window = SlidingWindow(
                kernel: kernel, strides: attributes.strides, dilations: attributes.dilations,
                padding: attributes.padding, input: Array(source.dimensions.dropFirst(2)),
                output: Array(destination.dimensions.dropFirst(2)))
        else { throw refusal("a window over \(source)") }
        try convolution(node, window, groups: attributes.groups, isTransposed: false)
    }

    func transposedConvolution(
        _ node: Node, _ attributes: TransposedConvolutionAttributes
    ) throws(TrainingError) {
        let source = try shape(of: node.inputs[0])
        let destination = try shape(of: node.outputs[0])
        let kernel = Array(try shape(of: node.inputs[1]).dimensions.dropFirst(2))
        guard
            let window = SlidingWindow(
                transposed: attributes, kernel: kernel, input: Array(source.dimensions.dropFirst(2)),
                output: Array(destination.dimensions.dropFirst(2)))
        else { throw refusal("a window over \(source)") }
        try convolution(node, window, groups: attributes.convolution.groups, isTransposed: true)
    }

    /// What the passes of a convolution share.
    private struct Layer {
        let x: Int
        let weights: Int
        let bias: Int?
        let y: Int
        let window: SlidingWindow
        let groups: Int
        let isTransposed: Bool
    }

    private func convolution(
        _ node: Node, _ window: SlidingWindow, groups: Int, isTransposed: Bool
    ) throws(TrainingError) {
        var bias: Int?
        if let name = node.input(2) { bias = try form(name, .rowMajor) }
        let layer = Layer(
            x: try form(node.inputs[0], .channelsLast), weights: try form(node.inputs[1], .rowMajor), bias: bias,
            y: try define(node.outputs[0], .channelsLast), window: window, groups: groups, isTransposed: isTransposed)
        let forward = try pass(.forward, layer, hasBias: bias != nil)
        let packed = try packedWeights(forward, layer)
        let slots =
            [variables[layer.x].slot, packed] + (bias.map { [variables[$0].slot] } ?? []) + [variables[layer.y].slot]
        step(slots) { (memory) throws(StepError) in try memory.execute(forward.primitive, slots) }
        onBackward(of: layer.y) { (builder, dy) throws(TrainingError) in
            // Weights first: the gradient of the data may then take the place of what nobody needs any more.
            try builder.weightGradient(layer, dy)
            try builder.dataGradient(layer, dy)
        }
    }

    private func pass(
        _ pass: OneDNNContext.Pass, _ layer: Layer, hasBias: Bool
    ) throws(TrainingError) -> OneDNNContext.Convolution {
        let (source, destination) = (variables[layer.x].shape, variables[layer.y].shape)
        return try create { () throws(StepError) in
            try context.convolution(
                pass, source: source, destination: destination, window: layer.window, groups: layer.groups,
                isTransposed: layer.isTransposed, hasBias: hasBias)
        }
    }

    /// The slot with the weights as a pass takes them.
    private func packedWeights(_ pass: OneDNNContext.Convolution, _ layer: Layer) throws(TrainingError) -> Int {
        let plain = variables[layer.weights].slot
        guard let reorder = pass.reorder else { return plain }
        let packed = addSlot(.arena, byteCount: pass.packedByteCount)
        step([plain, packed]) { (memory) throws(StepError) in try memory.execute(reorder, [plain, packed]) }
        return packed
    }

    private func weightGradient(_ layer: Layer, _ dy: Int) throws(TrainingError) {
        let needsBias = layer.bias.map { variables[$0].needsGradient } ?? false
        guard variables[layer.weights].needsGradient || needsBias else { return }
        let pass = try pass(.backwardWeights, layer, hasBias: needsBias)
        let packed = addSlot(.arena, byteCount: pass.packedByteCount)
        var slots = [variables[layer.x].slot, dy, packed]
        var biasGradient: Int?
        if needsBias, let bias = layer.bias {
            let slot = floats(variables[bias].count)
            slots.append(slot)
            biasGradient = slot
        }
        step(slots) { [slots] (memory) throws(StepError) in try memory.execute(pass.primitive, slots) }
        var plain = packed
        if let reorder = pass.reorder {
            plain = floats(variables[layer.weights].count)
            step([packed, plain]) { [plain] (memory) throws(StepError) in try memory.execute(reorder, [packed, plain]) }
        }
        contribute(plain, to: layer.weights)
        if let biasGradient, let bias = layer.bias { contribute(biasGradient, to: bias) }
    }

    private func dataGradient(_ layer: Layer, _ dy: Int) throws(TrainingError) {
        guard variables[layer.x].needsGradient else { return }
        let pass = try pass(.backwardData, layer, hasBias: false)
        let packed = try packedWeights(pass, layer)
        let dx = floats(variables[layer.x].count)
        step([dy, packed, dx]) { (memory) throws(StepError) in try memory.execute(pass.primitive, [dy, packed, dx]) }
        contribute(dx, to: layer.x)
    }
}
