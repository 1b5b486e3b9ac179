import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// A matrix product, batched or not.
    func emitMatMul(_ group: FusedGroup, _ node: Node) throws(ExecutionError) -> Bool {
        guard let left = floatShape(node.input(0)), let right = floatShape(node.input(1)),
            let output = floatShape(node.outputs[0]), left.rank >= 2, right.rank >= 2
        else { return false }
        if right.rank == 2, let weights = constant(node.input(1)) {
            let rows = left.elementCount / left[left.rank - 1]
            let source = try rowMajorForm(of: node.inputs[0])
            return try emitProduct(
                group,
                source: ValueForm(
                    position: source.position, layout: StridedShape(rowMajor: [rows, left[left.rank - 1]])),
                weights: (weights, StridedShape(rowMajor: right.dimensions)), bias: nil, output: output,
                isShared: resolved.areInitializers([node.input(1)]))
        }
        let rank = output.rank
        let first = try productOperand(node.inputs[0]).paddedToRank(rank)
        let second = try productOperand(node.inputs[1]).paddedToRank(rank)
        let layout = StridedShape(rowMajor: output.dimensions)
        let sources = [first.position.slot, second.position.slot]
        guard
            let tail = try tail(of: group, layout: layout, shape: output, sources: sources),
            let primitive = try create({ () throws(OneDNNError) in
                try context.matmul(
                    source: first.layout, weights: second.layout, constantWeights: nil, key: 0, bias: nil,
                    destination: layout, postOperations: tail.operations)
            })
        else { return false }
        append(
            .primitive(primitive, [first.position, second.position, tail.destination.position] + tail.operands))
        try define(outputName(of: group), [tail.destination])
        return true
    }

    /// A form whose last or last but one axis is contiguous, as the library's fast kernels want.
    private func productOperand(_ name: String) throws(ExecutionError) -> ValueForm {
        let existing = try existingForms(of: name)
        for form in existing {
            let strides = form.layout.strides.suffix(2)
            if strides.contains(1), strides.allSatisfy({ $0 > 0 }) { return form }
        }
        return try rowMajorForm(of: name)
    }

    /// `alpha * A' * B' + beta * C` with constant B and C.
    func emitGemm(_ group: FusedGroup, _ node: Node, _ attributes: GemmAttributes) throws(ExecutionError) -> Bool {
        guard let left = floatShape(node.input(0)), let output = floatShape(node.outputs[0]),
            let matrix = constant(node.input(1)), matrix.elementType == .float32, left.rank == 2,
            matrix.shape.rank == 2
        else { return false }
        var bias: Tensor?
        if let name = node.input(2) {
            guard let addend = constant(name), let row = addend.row(count: output[1], scaledBy: attributes.beta)
            else { return false }
            bias = row
        }
        var weights = matrix
        if attributes.alpha != 1 {
            weights = Tensor(
                shape: matrix.shape, elements: matrix.elements(as: Float.self).map { $0 * attributes.alpha })
        }
        var weightLayout = StridedShape(rowMajor: matrix.shape.dimensions)
        if attributes.transposeB { weightLayout = weightLayout.permuted([1, 0]) }
        var source = try rowMajorForm(of: node.inputs[0])
        if attributes.transposeA { source.layout = source.layout.permuted([1, 0]) }
        return try emitProduct(
            group, source: source, weights: (weights, weightLayout), bias: bias, output: output,
            isShared: resolved.areInitializers([node.input(1)]))
    }

    /// A linear module that is being calibrated: the float layer, data [..., K], weight [N, K].
    func emitFloatLinear(_ group: FusedGroup, _ node: Node) throws(ExecutionError) -> Bool {
        guard let input = floatShape(node.input(0)), input.rank >= 2, let output = floatShape(node.outputs[0]),
            let weights = constant(node.input(1)), weights.elementType == .float32, weights.shape.rank == 2
        else { return false }
        let bias = constant(node.input(2))
        if node.input(2) != nil, bias?.elementType != .float32 { return false }
        let source = try rowMajorForm(of: node.inputs[0])
        let inputs = input[input.rank - 1]
        return try emitProduct(
            group,
            source: ValueForm(
                position: source.position, layout: StridedShape(rowMajor: [input.elementCount / inputs, inputs])),
            weights: (weights, StridedShape(rowMajor: weights.shape.dimensions).permuted([1, 0])), bias: bias,
            output: output, isShared: resolved.areInitializers([node.input(1)]))
    }

    /// A product of a matrix with constant weights.
    private func emitProduct(
        _ group: FusedGroup, source: ValueForm, weights: (tensor: Tensor, layout: StridedShape), bias: Tensor?,
        output: Shape, isShared: Bool
    ) throws(ExecutionError) -> Bool {
        var group = group
        var row = bias
        if row == nil, case .constant(.add, let name)? = group.operations.first,
            let addend = constant(name)?.row(count: output[output.rank - 1], scaledBy: 1)
        {
            row = addend
            group.operations.removeFirst()
        }
        let layout = StridedShape(rowMajor: [source.layout.extents[0], output[output.rank - 1]])
        let key = self.weights.key(of: group.anchor, isShared: isShared)
        let staysInPlace = !reordersMatrices && weights.layout.strides.contains(1)
        guard
            let tail = try tail(
                of: group, layout: layout, shape: output, sources: [source.position.slot], flattened: true),
            let primitive = try create({ () throws(OneDNNError) in
                try context.matmul(
                    source: source.layout, weights: weights.layout,
                    constantWeights: staysInPlace ? nil : weights.tensor, key: key, bias: row, destination: layout,
                    postOperations: tail.operations)
            })
        else { return false }
        let operands = staysInPlace ? [constantSlot(weights.tensor)] : []
        append(.primitive(primitive, [source.position] + operands + [tail.destination.position] + tail.operands))
        let form = ValueForm(
            position: tail.destination.position, layout: StridedShape(rowMajor: output.dimensions))
        try define(outputName(of: group), [form])
        return true
    }
}

extension ValueForm {
    /// The same elements with axes of extent 1 in front.
    fileprivate func paddedToRank(_ rank: Int) -> ValueForm {
        let missing = rank - layout.extents.count
        guard missing > 0 else { return self }
        let span = (layout.extents.first ?? 1) * (layout.strides.first ?? 1)
        return ValueForm(
            position: position,
            layout: StridedShape(
                extents: [Int](repeating: 1, count: missing) + layout.extents,
                strides: [Int](repeating: span, count: missing) + layout.strides))
    }
}

extension Tensor {
    /// A float32 addend that is the same for all rows, as [count]; `nil` when it differs between rows.
    fileprivate func row(count: Int, scaledBy factor: Float) -> Tensor? {
        guard elementType == .float32, shape.dimensions.dropLast().allSatisfy({ $0 == 1 }) else { return nil }
        let values = elements(as: Float.self).map { $0 * factor }
        if values.count == count { return Tensor(shape: [count], elements: values) }
        guard values.count == 1 else { return nil }
        return Tensor(shape: [count], elements: [Float](repeating: values[0], count: count))
    }
}
