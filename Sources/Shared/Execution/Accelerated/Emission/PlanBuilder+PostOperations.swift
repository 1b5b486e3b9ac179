import Graphs
import Kernels
import Tensors

/// Post-operations of a primitive together with the buffers that they read and the buffer that the primitive writes.
struct FusedTail {
    /// In the order of application.
    var operations: [PostOperation] = []
    /// Positions of the operands that are not constant.
    var operands: [SlotPosition] = []
    /// Where the result goes.
    var destination: ValueForm
}

extension PlanBuilder {
    /// Prepares what follows an anchor whose result gets `layout`.
    ///
    /// `layout` is dense, and has fewer axes than `shape` when the kernel sees the values flattened. The result must
    /// not go to one of the `sources`, which the anchor itself reads. `nil` when an operation does not fit.
    func tail(
        of group: FusedGroup, layout: StridedShape, shape: Shape, sources: [Int], flattened: Bool = false
    ) throws(ExecutionError) -> FusedTail? {
        var tail: FusedTail?
        var operations: [PostOperation] = []
        var operands: [SlotPosition] = []
        for operation in group.operations {
            switch operation {
            case .eltwise(let function): operations.append(.eltwise(function))
            case .constant(let algorithm, let name):
                guard let constant = constant(name),
                    let operand = broadcast(constant, to: shape, like: layout, flattened: flattened)
                else { return nil }
                operations.append(.binary(algorithm, operand: operand.layout, constant: operand.tensor))
            case .value(let algorithm, let name):
                let full = flattened ? StridedShape(rowMajor: shape.dimensions) : layout
                let form = try form(of: name, layout: full)
                if algorithm == .add, operations.isEmpty, !sources.contains(form.position.slot),
                    canOverwrite(form, by: group)
                {
                    operations.append(.sum)
                    tail = FusedTail(destination: ValueForm(position: form.position, layout: layout))
                } else {
                    operations.append(.binary(algorithm, operand: layout, constant: nil))
                    operands.append(form.position)
                }
            }
        }
        var result = tail ?? FusedTail(destination: newForm(layout))
        result.operations = operations
        result.operands = operands
        return result
    }

    /// A constant that broadcasts to `shape`, arranged like `layout`.
    ///
    /// When `flattened`, the kernel sees all axes but the last as one.
    private func broadcast(
        _ constant: Tensor, to shape: Shape, like layout: StridedShape, flattened: Bool
    ) -> (tensor: Tensor, layout: StridedShape)? {
        let missing = shape.rank - constant.shape.rank
        guard missing >= 0, constant.elementType == .float32 else { return nil }
        let extents = [Int](repeating: 1, count: missing) + constant.shape.dimensions
        if flattened {
            // Only operands along the last axis, and whole ones, keep their meaning.
            guard let last = extents.last else { return nil }
            let isRow = extents.dropLast().allSatisfy { $0 == 1 }
            guard isRow || extents == shape.dimensions else { return nil }
            let rows = isRow ? 1 : layout.extents[0]
            let arranged = constant.reshaped(to: Shape([rows, last]))
            return (arranged, StridedShape(rowMajor: [rows, last]))
        }
        let arrangement = layout.dense(withExtents: extents)
        guard let arranged = constant.reshaped(to: Shape(extents)).arranged(as: arrangement) else { return nil }
        return (arranged, arrangement)
    }

    /// The value that a group computes: the last node's, or the anchor's own when it is alone.
    func outputName(of group: FusedGroup) -> String {
        group.output.isEmpty ? resolved.graph.nodes[group.anchor].outputs[0] : group.output
    }
}

extension StridedShape {
    /// The dense layout with other extents whose axes lie in memory in the same order.
    func dense(withExtents other: [Int]) -> StridedShape {
        let order = extents.indices.sorted { left, right in
            strides[left] != strides[right] ? strides[left] > strides[right] : left < right
        }
        var result = [Int](repeating: 1, count: other.count)
        var stride = 1
        for axis in order.reversed() {
            result[axis] = stride
            stride *= max(other[axis], 1)
        }
        return StridedShape(extents: other, strides: result)
    }
}
