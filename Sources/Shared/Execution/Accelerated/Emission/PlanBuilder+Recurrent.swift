import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// An LSTM or GRU with constant weights and the standard activations.
    func emitRecurrent(
        _ node: Node, _ attributes: RecurrentAttributes, isLSTM: Bool
    ) throws(ExecutionError) -> Bool {
        guard attributes.hasStandardCell(isLSTM: isLSTM), node.input(4) == nil, node.input(7) == nil,
            let input = floatShape(node.input(0)), input.rank == 3,
            let weights = constant(node.input(1)), let recurrence = constant(node.input(2)),
            weights.elementType == .float32, recurrence.elementType == .float32
        else { return false }
        let bias = constant(node.input(3))
        if node.input(3) != nil, bias?.elementType != .float32 { return false }
        let hidden = attributes.hiddenSize
        let directions = attributes.direction == .bidirectional ? 2 : 1
        let (steps, batch) = (input[0], input[1])
        let recurrent = RecurrentPrimitive(
            cell: isLSTM ? .lstm : attributes.linearBeforeReset ? .gruLinearBeforeReset : .gru, steps: steps,
            batch: batch, inputSize: input[2], hiddenSize: hidden, direction: attributes.direction,
            weights: weights, recurrence: recurrence, bias: bias, hasInitialHidden: node.input(5) != nil,
            hasInitialCell: isLSTM && node.input(6) != nil)
        // The library takes both initial states of an LSTM or none.
        if isLSTM, recurrent.hasInitialHidden != recurrent.hasInitialCell { return false }
        guard
            let primitive = try create({ () throws(OneDNNError) in try context.recurrent(recurrent) })
        else { return false }
        var positions = [try rowMajorForm(of: node.inputs[0]).position]
        for index in [5, 6] where index == 5 ? recurrent.hasInitialHidden : recurrent.hasInitialCell {
            positions.append(try rowMajorForm(of: node.inputs[index]).position)
        }
        let layer = newForm(StridedShape(rowMajor: [steps, batch, directions * hidden]))
        let states = StridedShape(rowMajor: [directions, batch, hidden])
        let finalHidden = newForm(states)
        positions += [layer.position, finalHidden.position]
        var finalCell: ValueForm?
        if isLSTM {
            let form = newForm(states)
            positions.append(form.position)
            finalCell = form
        }
        append(.primitive(primitive, positions))
        if let name = node.outputs.first, !name.isEmpty {
            // [T, N, D * H] seen as [T, D, N, H].
            let row = directions * hidden
            let view = StridedShape(
                extents: [steps, directions, batch, hidden], strides: [batch * row, hidden, row, 1])
            try define(name, [ValueForm(position: layer.position, layout: view)])
        }
        if node.outputs.count > 1, !node.outputs[1].isEmpty { try define(node.outputs[1], [finalHidden]) }
        if node.outputs.count > 2, !node.outputs[2].isEmpty, let finalCell {
            try define(node.outputs[2], [finalCell])
        }
        return true
    }
}

extension RecurrentAttributes {
    /// Whether the cell is the one that the library computes.
    fileprivate func hasStandardCell(isLSTM: Bool) -> Bool {
        let defaults = isLSTM ? ["Sigmoid", "Tanh", "Tanh"] : ["Sigmoid", "Tanh"]
        let all = direction == .bidirectional ? defaults + defaults : defaults
        return !batchFirst && clip == nil && !couplesInputAndForget && (activations.isEmpty || activations == all)
            && activationAlphas.isEmpty && activationBetas.isEmpty
    }
}
