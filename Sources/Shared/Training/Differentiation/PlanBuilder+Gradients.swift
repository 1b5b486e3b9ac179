import Graphs

extension PlanBuilder {
    /// Says how the gradient of a variable that the current node made is passed on.
    ///
    /// `emit` runs when the gradient is complete, and not at all when nothing contributed to it.
    func onBackward(
        of variable: Int, _ emit: @escaping (PlanBuilder, _ gradient: Int) throws(TrainingError) -> Void
    ) {
        onBackward(ofAny: [variable]) { (builder, gradients) throws(TrainingError) in
            guard let gradient = gradients[0] else { return }
            try emit(builder, gradient)
        }
    }

    /// The same for a node with several outputs; gradients that nothing contributed to are absent.
    func onBackward(
        ofAny outputs: [Int], _ emit: @escaping (PlanBuilder, _ gradients: [Int?]) throws(TrainingError) -> Void
    ) {
        guard outputs.contains(where: { variables[$0].needsGradient }) else { return }
        let roots = outputs.map { variables[$0].root }
        backward.append(
            (
                current,
                { (builder) throws(TrainingError) in
                    let complete = roots.map { builder.gradients[$0] }
                    guard complete.contains(where: { $0 != nil }) else { return }
                    builder.recordBackward(of: outputs[0])
                    try emit(builder, complete)
                    builder.record?.end()
                    for case (let root, let gradient?) in zip(roots, complete) {
                        builder.gradients[root] = nil
                        builder.holders[gradient, default: 1] -= 1
                    }
                }
            ))
    }

    /// Whether the step that passes a gradient on may write over it.
    func canOverwrite(_ gradient: Int) -> Bool {
        holders[gradient, default: 0] <= 1 && slots[gradient].isInArena
    }

    /// Where a step may write what becomes of a gradient of as many elements.
    func successor(of gradient: Int, count: Int) -> Int {
        canOverwrite(gradient) ? gradient : floats(count)
    }

    /// The gradient of a variable, when something contributed to it.
    func gradient(of variable: Int) -> Int? { gradients[variables[variable].root] }

    /// Adds a slot to the gradient of a variable; the sum takes the contributions in the order in which they come.
    func contribute(_ slot: Int, to variable: Int) {
        guard variables[variable].needsGradient else { return }
        recordContribution(slot, to: variable)
        let root = variables[variable].root
        let count = variables[root].count
        guard let present = gradients[root] else {
            gradients[root] = slot
            holders[slot, default: 0] += 1
            return
        }
        let target: Int
        if holders[present] == 1 {
            target = present
        } else if holders[slot, default: 0] == 0 {
            target = slot
        } else {
            target = floats(count)
        }
        recordingGradientSum(of: root, present, slot, to: target) {
            step([present, slot, target]) { memory in memory.add(present, slot, to: target, count: count) }
        }
        guard target != present else { return }
        holders[present, default: 1] -= 1
        holders[target, default: 0] += 1
        gradients[root] = target
    }
}
