import Graphs
import Kernels
import Quantization
import Tensors

extension PlanBuilder {
    func fakeQuantize(_ node: Node, _ attributes: FakeQuantizeAttributes) throws(TrainingError) {
        let input = try existing(node.inputs[0])
        let parameter = try form(node.inputs[1], .rowMajor)
        let x = variables[input]
        let order = x.layout.order(rank: x.shape.rank)
        var zero: Variable?
        if let name = node.input(2) { zero = variables[try form(name, .rowMajor)] }
        var gradientScale: Int?
        if attributes.specification.algorithm == .lsq, let name = node.input(3) {
            gradientScale = variables[try form(name, .rowMajor)].slot
        }
        let quantization = StepMemory.FakeQuantization(
            attributes: attributes, shape: Shape(order.map { x.shape[$0] }), x: x.slot, parameter: variables[parameter],
            parameterShape: try arranged(variables[parameter].shape, beside: x.shape, order), zero: zero,
            zeroShape: try zero.map { (zero) throws(TrainingError) in try arranged(zero.shape, beside: x.shape, order)
            },
            gradientScale: gradientScale)
        let y = try define(node.outputs[0], x.layout)
        let result = variables[y].slot
        step(quantization.slots + [result]) { (memory) throws(StepError) in
            try memory.fakeQuantize(quantization, to: result)
        }
        let scale = variables[parameter]
        let trainsParameter = attributes.specification.algorithm != .fakeQuantize && scale.needsGradient
        onBackward(of: y) { (builder, dy) in
            let dx = builder.floats(x.count)
            let gradient = trainsParameter ? builder.floats(scale.count) : nil
            builder.step(quantization.slots + [dy, dx, gradient]) { (memory) throws(StepError) in
                try memory.fakeQuantizeBackward(quantization, dy, to: dx, parameter: gradient)
            }
            builder.contribute(dx, to: input)
            if let gradient { builder.contribute(gradient, to: parameter) }
        }
    }

    /// The extents of a parameter beside those of the data, with the axes in the data's order.
    private func arranged(_ own: Shape, beside data: Shape, _ order: [Int]) throws(TrainingError) -> Shape {
        guard Self.broadcast(own, data) == data else { throw refusal("a parameter \(own) for data \(data)") }
        guard own.elementCount > 1 else { return [] }
        let extents = [Int](repeating: 1, count: data.rank - own.rank) + own.dimensions
        // The order of the elements stays only when one axis has more than one.
        guard extents.count(where: { $0 != 1 }) == 1 else {
            throw refusal("a parameter \(own) that varies along two axes")
        }
        return Shape(order.map { extents[$0] })
    }

    /// Scale and zero point of the state with the batch taken in, and the batch's extremes.
    func observe(_ node: Node, _ attributes: ObserveAttributes) throws(TrainingError) {
        let x = variables[try existing(node.inputs[0])]
        let state = try node.inputs.dropFirst().map { (name) throws(TrainingError) in
            variables[try form(name, .rowMajor)]
        }
        var results: [Int?] = []
        for name in node.outputs { results.append(name.isEmpty ? nil : variables[try define(name, .rowMajor)].slot) }
        step([x.slot] + state.map(\.slot) + results) { [results] (memory) throws(StepError) in
            let seen = memory.extremes(x.slot, count: x.count)
            let parameters: QParams
            do throws(ObserverError) {
                let tensors = state.map { memory.view($0.slot, shape: $0.shape, elementType: $0.elementType) }
                var observer = try ObserverState(attributes.specification, tensors: tensors)
                observer.isEnabled = attributes.isEnabled
                try observer.observe(batchMinimum: seen.minimum, maximum: seen.maximum)
                parameters = try observer.quantParameters()
            } catch {
                throw .kernel(.invalidArgument(error.description))
            }
            let values = [parameters.scale, Float(parameters.zeroPoint ?? 0), seen.minimum, seen.maximum]
            for case (let slot?, let value) in zip(results, values) { memory.setScalar(slot, value) }
        }
    }
}

extension ObserverSpecification {
    /// Whether scale and zero point follow from a histogram.
    var isHistogram: Bool {
        if case .histogram = algorithm { true } else { false }
    }
}
