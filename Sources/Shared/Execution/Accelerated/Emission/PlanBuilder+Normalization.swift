import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// Batch normalization with constant statistics.
    func emitBatchNormalization(
        _ group: FusedGroup, _ node: Node, _ attributes: BatchNormalizationAttributes
    ) throws(ExecutionError) -> Bool {
        guard !attributes.trainingMode, let input = floatShape(node.input(0)), (2...5).contains(input.rank) else {
            return false
        }
        let statistics = (1...4).compactMap { constant(node.input($0)) }
        guard statistics.count == 4,
            statistics.allSatisfy({ $0.elementType == .float32 && $0.elementCount == input[1] })
        else { return false }
        let source = try channelsLastForm(of: node.inputs[0])
        let layout = source.layout
        let hasRelu = !group.operations.isEmpty
        guard
            let primitive = try create({ () throws(OneDNNError) in
                try context.batchNormalization(
                    tensor: layout, scale: statistics[0], shift: statistics[1], mean: statistics[2],
                    variance: statistics[3], epsilon: attributes.epsilon, relu: hasRelu)
            })
        else { return false }
        let target = canOverwrite(source, by: group) ? source : newForm(layout)
        append(.primitive(primitive, [source.position, target.position]))
        try define(outputName(of: group), [target])
        return true
    }

    /// Layer normalization over trailing axes with constant scale and bias.
    func emitLayerNormalization(
        _ node: Node, _ attributes: LayerNormalizationAttributes
    ) throws(ExecutionError) -> Bool {
        guard node.outputs.dropFirst().allSatisfy(\.isEmpty), let input = floatShape(node.input(0)),
            let scale = constant(node.input(1)), scale.elementType == .float32
        else { return false }
        let axis = attributes.axis < 0 ? attributes.axis + input.rank : attributes.axis
        guard input.dimensions.indices.contains(axis) else { return false }
        let length = input.dimensions[axis...].reduce(1, *)
        let shift = constant(node.input(2))
        guard scale.elementCount == length, node.input(2) == nil || shift?.elementType == .float32,
            shift == nil || shift?.elementCount == length
        else { return false }
        let source = try rowMajorForm(of: node.inputs[0])
        let rows = StridedShape(rowMajor: [input.elementCount / length, length])
        guard
            let primitive = try create({ () throws(OneDNNError) in
                try context.layerNormalization(
                    tensor: rows, scale: scale, shift: shift, epsilon: attributes.epsilon)
            })
        else { return false }
        let target = newForm(source.layout)
        append(.primitive(primitive, [source.position, target.position]))
        try define(node.outputs[0], [target])
        return true
    }

    /// Local response normalization over an odd number of channels.
    func emitLRN(
        _ node: Node, _ attributes: LocalResponseNormalizationAttributes
    ) throws(ExecutionError) -> Bool {
        // With an even size ONNX takes one more channel above than below; the library does not.
        guard let input = floatShape(node.input(0)), input.rank == 4, attributes.size % 2 == 1 else { return false }
        let source = try channelsLastForm(of: node.inputs[0])
        let layout = source.layout
        guard
            let primitive = try create({ () throws(OneDNNError) in
                try context.localResponseNormalization(
                    tensor: layout, size: attributes.size, alpha: attributes.alpha, beta: attributes.beta,
                    bias: attributes.bias)
            })
        else { return false }
        let target = newForm(layout)
        append(.primitive(primitive, [source.position, target.position]))
        try define(node.outputs[0], [target])
        return true
    }

    /// Softmax or its logarithm.
    func emitSoftmax(_ node: Node, axis: Int, logarithm: Bool) throws(ExecutionError) -> Bool {
        guard let input = floatShape(node.input(0)), input.rank >= 1 else { return false }
        let positive = axis < 0 ? axis + input.rank : axis
        guard input.dimensions.indices.contains(positive) else { return false }
        let forms = try existingForms(of: node.inputs[0])
        // The axis is best innermost.
        let innermost = forms.first { $0.layout.isDense && $0.layout.strides[positive] == 1 }
        let source: ValueForm
        if let innermost { source = innermost } else { source = try rowMajorForm(of: node.inputs[0]) }
        let layout = source.layout
        guard
            let primitive = try create({ () throws(OneDNNError) in
                try context.softmax(tensor: layout, axis: positive, logarithm: logarithm)
            })
        else { return false }
        let target = canOverwrite(source, by: FusedGroup(node: position(of: node))) ? source : newForm(layout)
        append(.primitive(primitive, [source.position, target.position]))
        try define(node.outputs[0], [ValueForm(position: target.position, layout: layout)])
        return true
    }
}
