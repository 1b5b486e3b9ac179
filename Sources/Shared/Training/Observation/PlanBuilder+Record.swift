import Graphs

extension PlanBuilder {
    /// Adds the forward steps of a node, and to the record what it reads and makes.
    func recordingForward(of node: Node, _ emit: () throws(TrainingError) -> Void) throws(TrainingError) {
        guard record != nil else { return try emit() }
        var inputs: [PlanRecord.Read] = []
        for name in node.inputs where !name.isEmpty { inputs.append(read(name, try existing(name))) }
        record?.begin(.init(kind: .forward(node), inputs: inputs))
        try emit()
        record?.end(results: node.outputs.compactMap { name in knownForms(of: name).first.map { read(name, $0) } })
    }

    /// Begins or continues the record of the current node's backward steps, which pass on the gradient of a variable.
    ///
    /// A node with intermediate values has several such variables. A copy of a value in another layout is no operation of the graph.
    func recordBackward(of variable: Int) {
        guard record != nil else { return }
        let isCopy = recordedNames[variable].map { knownForms(of: $0).first != variable } ?? false
        guard !isCopy, record?.resume(current) != true else { return }
        func reads(_ names: [String], _ slot: (Int) -> Int?) -> [PlanRecord.Read] {
            names.compactMap { name in
                knownForms(of: name).first.flatMap { form in slot(form).map { read(name, form, slot: $0) } }
            }
        }
        record?.begin(
            .init(
                kind: .backward(current), gradients: reads(current.outputs, gradient(of:)),
                inputs: reads(current.inputs) { variables[$0].slot }))
    }

    /// Adds to the record what a node contributes to the gradient of a variable.
    func recordContribution(_ slot: Int, to variable: Int) {
        guard record != nil, let name = recordedNames[variable] else { return }
        record?.add(result: read(name, variable, slot: slot))
    }

    /// Adds the step that sums two contributions to a gradient, and to the record its operands and the sum.
    func recordingGradientSum(of root: Int, _ present: Int, _ slot: Int, to target: Int, _ emit: () -> Void) {
        guard record != nil, let name = recordedNames[root] else { return emit() }
        let summands = [present, slot].map { read(name, root, slot: $0) }
        emit()
        record?.add(.init(kind: .gradientSum, gradients: summands, results: [read(name, root, slot: target)]))
    }

    /// A read at the present step: before the next one that is added.
    private func read(_ name: String, _ variable: Int, slot: Int? = nil) -> PlanRecord.Read {
        .init(name: name, variable: variables[variable], slot: slot ?? variables[variable].slot, step: steps.count)
    }
}
