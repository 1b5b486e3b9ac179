import Kernels
import Tensors

extension PlanBuilder {
    /// The table that broadcasts a variable to a shape; `nil` when its elements lie there one for one.
    func broadcastTable(_ variable: Variable, to shape: Shape, _ layout: TensorLayout) -> Int? {
        let isSame =
            variable.shape == shape && (variable.layout == layout || TensorLayout.coincide(for: shape))
        if isSame { return nil }
        return table("broadcast \(variable.shape) \(variable.layout) \(shape) \(layout)") {
            IndexTable.broadcast(variable.shape, variable.layout, to: shape, layout)
        }
    }

    /// The operand that broadcasts a variable to a shape.
    func operand(_ variable: Variable, to shape: Shape, _ layout: TensorLayout) -> StepMemory.Operand {
        guard let period = IndexTable.period(variable.shape, variable.layout, in: shape, layout) else {
            return StepMemory.Operand(slot: variable.slot, table: broadcastTable(variable, to: shape, layout))
        }
        return StepMemory.Operand(slot: variable.slot, period: period == shape.elementCount ? nil : period)
    }
}
