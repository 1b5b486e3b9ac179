import Graphs
import Tensors

extension PlanBuilder {
    /// Batch normalization with the statistics of the batch or given ones; a ReLU that reads its result alone is computed with it.
    func batchNormalization(
        _ node: Node, _ attributes: BatchNormalizationAttributes, relu: Node?
    ) throws(TrainingError) {
        let input = try form(node.inputs[0], .channelsLast)
        let x = variables[input]
        let channels = x.shape.rank > 1 ? x.shape[1] : 1
        let parameters = try [1, 2, 3, 4].map { (index) throws(TrainingError) in try form(node.inputs[index], .rowMajor)
        }
        let y = try define(relu?.outputs[0] ?? node.outputs[0], .channelsLast)
        var statistics: [Int] = []
        for index in 1...2 {
            if attributes.trainingMode, node.outputs.count > index, !node.outputs[index].isEmpty {
                statistics.append(variables[try define(node.outputs[index], .rowMajor)].slot)
            } else {
                statistics.append(floats(channels))
            }
        }
        let places = parameters.map { variables[$0].slot }
        let norm = StepMemory.BatchNormalization(
            rows: x.count / max(channels, 1), channels: channels, epsilon: attributes.epsilon,
            momentum: attributes.momentum, relu: relu != nil, isTraining: attributes.trainingMode, x: x.slot,
            scale: places[0], shift: places[1], mean: places[2], variance: places[3], y: variables[y].slot,
            newMean: statistics[0], newVariance: statistics[1], savedMean: floats(channels),
            savedInverse: floats(channels))
        let work = doubles(channels * 4)
        let saved = [norm.savedMean, norm.savedInverse]
        step([x.slot, norm.y, work] + places + statistics + saved) { memory in
            memory.batchNormalization(norm, work: work)
        }
        onBackward(of: y) { (builder, dy) in
            builder.batchNormalizationBackward(norm, dy, input: input, scale: parameters[0], shift: parameters[1])
        }
    }

    private func batchNormalizationBackward(
        _ norm: StepMemory.BatchNormalization, _ dy: Int, input: Int, scale: Int, shift: Int
    ) {
        let needsData = variables[input].needsGradient
        let dx = needsData ? successor(of: dy, count: variables[input].count) : nil
        let dscale = variables[scale].needsGradient ? floats(norm.channels) : nil
        let dshift = variables[shift].needsGradient ? floats(norm.channels) : nil
        let work = doubles(norm.channels * 4)
        step([norm.x, norm.y, norm.scale, norm.savedMean, norm.savedInverse, dy, dx, dscale, dshift, work]) { memory in
            memory.batchNormalizationBackward(norm, dy, to: dx, scale: dscale, shift: dshift, work: work)
        }
        if let dx { contribute(dx, to: input) }
        if let dscale { contribute(dscale, to: scale) }
        if let dshift { contribute(dshift, to: shift) }
    }

    func layerNormalization(_ node: Node, _ attributes: LayerNormalizationAttributes) throws(TrainingError) {
        let input = try form(node.inputs[0], .rowMajor)
        let x = variables[input]
        let axis = attributes.axis < 0 ? attributes.axis + x.shape.rank : attributes.axis
        let width = x.shape.dimensions[axis...].reduce(1, *)
        let scale = try form(node.inputs[1], .rowMajor)
        var shift: Int?
        if let name = node.input(2) { shift = try form(name, .rowMajor) }
        for parameter in [scale, shift].compactMap({ $0 }) where variables[parameter].count != width {
            throw refusal("a parameter \(variables[parameter].shape) that is repeated over the data \(x.shape)")
        }
        let rows = x.count / width
        let y = try define(node.outputs[0], .rowMajor)
        let norm = StepMemory.LayerNormalization(
            rows: rows, width: width, epsilon: attributes.epsilon, x: x.slot, scale: variables[scale].slot,
            shift: shift.map { variables[$0].slot }, y: variables[y].slot, means: floats(rows), inverses: floats(rows))
        step([norm.x, norm.scale, norm.shift, norm.y, norm.means, norm.inverses]) { memory in
            memory.layerNormalization(norm)
        }
        onBackward(of: y) { (builder, dy) in
            let dx = builder.variables[input].needsGradient ? builder.floats(x.count) : nil
            let dscale = builder.variables[scale].needsGradient ? builder.floats(width) : nil
            let needsShift = shift.map { builder.variables[$0].needsGradient } ?? false
            let dshift = needsShift ? builder.floats(width) : nil
            let sums = builder.doubles(2 * width)
            builder.step([norm.x, norm.scale, norm.means, norm.inverses, dy, dx, dscale, dshift, sums]) { memory in
                memory.layerNormalizationBackward(norm, dy, to: dx, scale: dscale, shift: dshift, sums: sums)
            }
            if let dx { builder.contribute(dx, to: input) }
            if let dscale { builder.contribute(dscale, to: scale) }
            if let dshift, let shift { builder.contribute(dshift, to: shift) }
        }
    }

    func softmax(_ node: Node, axis: Int, logarithm: Bool) throws(TrainingError) {
        let input = try form(node.inputs[0], .rowMajor)
        let x = variables[input]
        let axis = axis < 0 ? axis + x.shape.rank : axis
        let extent = x.shape.rank == 0 ? 1 : x.shape[axis]
        let inner = x.shape.dimensions.dropFirst(axis + 1).reduce(1, *)
        let outer = x.count / (extent * inner)
        let y = try define(node.outputs[0], .rowMajor)
        let result = variables[y].slot
        step([x.slot, result]) { memory in
            memory.softmax(x.slot, logarithm: logarithm, outer: outer, extent: extent, inner: inner, to: result)
        }
        onBackward(of: y) { (builder, dy) in
            let dx = builder.floats(x.count)
            builder.step([result, dy, dx]) { memory in
                memory.softmaxBackward(
                    result: result, dy, logarithm: logarithm, outer: outer, extent: extent, inner: inner, to: dx)
            }
            builder.contribute(dx, to: input)
        }
    }
}
