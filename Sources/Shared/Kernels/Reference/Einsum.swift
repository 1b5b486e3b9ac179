import Graphs
import Tensors

extension ReferenceKernels {
    /// Multiplies the inputs from the first to the last, two at a time as matrices, and sums over labels as soon as nothing
    /// after needs them; each sum runs over its labels in the order in which the left input has them.
    static func einsum(_ equation: EinsumEquation, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let first = try inputs.required(0)
        var tensors = [first]
        for index in 1..<max(inputs.count, 1) {
            tensors.append(try inputs.required(index))
        }
        guard let labels = equation.labels(ofRanks: tensors.map(\.shape.rank)) else {
            throw .shapeMismatch(
                "the equation '\(equation.text)' does not fit inputs of shapes \(tensors.map(\.shape.description))")
        }
        return switch first.elementType.lane {
        case .float: try einsum(equation, tensors, labels, Float.self)
        case .double: try einsum(equation, tensors, labels, Double.self)
        case .signed: try einsum(equation, tensors, labels, Int64.self)
        case .unsigned, nil: try einsum(equation, tensors, labels, UInt64.self)
        }
    }

    private static func einsum<T: Lane>(
        _ equation: EinsumEquation, _ tensors: [Tensor],
        _ labels: (inputs: [[EinsumEquation.Label]], output: [EinsumEquation.Label]), _ lane: T.Type
    ) throws(KernelError) -> Tensor {
        var extents: [EinsumEquation.Label: Int] = [:]
        for (tensor, axes) in zip(tensors, labels.inputs) {
            for (extent, label) in zip(tensor.shape.dimensions, axes) where extents[label, default: 1] != extent {
                guard extent == 1 || extents[label, default: 1] == 1 else {
                    throw .shapeMismatch("the equation '\(equation.text)' gives one label to different extents")
                }
                if extent != 1 { extents[label] = extent }
            }
        }
        let operands = zip(tensors, labels.inputs).map { tensor, axes in
            LabelledTensor(diagonalOf: tensor.widened(to: lane), axes, extents: extents)
        }
        var product: LabelledTensor?
        for (index, operand) in operands.enumerated() {
            let needed = Set(labels.output).union(operands[(index + 1)...].flatMap(\.labels))
            guard let left = product else {
                product = try operand.summed(keeping: needed, lane)
                continue
            }
            // What only one of the two has and nothing else needs is summed before the product.
            product = try left.summed(keeping: needed.union(operand.labels), lane)
                .multiplied(by: operand.summed(keeping: needed.union(left.labels), lane), keeping: needed, lane)
        }
        guard let result = product else { throw .missingInput(index: 0) }
        // Labels whose extent is 1 in every input were dropped.
        let dimensions = labels.output.map { extents[$0, default: 1] }
        return result.arranged(labels.output.filter(result.labels.contains)).reshaped(to: Shape(dimensions))
            .narrowed(to: tensors[0].elementType)
    }
}

/// A tensor whose axes have names, each another one.
private struct LabelledTensor {
    let tensor: Tensor
    let labels: [EinsumEquation.Label]

    init(_ tensor: Tensor, _ labels: [EinsumEquation.Label]) {
        self.tensor = tensor
        self.labels = labels
    }

    /// The elements at which axes of the same label have the same index.
    ///
    /// Axes of extent 1 are left out: they repeat, or nothing depends on them.
    init(diagonalOf tensor: Tensor, _ axes: [EinsumEquation.Label], extents: [EinsumEquation.Label: Int]) {
        var labels: [EinsumEquation.Label] = []
        var steps: [Int] = []
        for (axis, label) in axes.enumerated() where tensor.shape[axis] != 1 {
            let step = tensor.shape.rowMajorStrides[axis]
            if let known = labels.firstIndex(of: label) {
                steps[known] += step
            } else {
                labels.append(label)
                steps.append(step)
            }
        }
        let shape = Shape(labels.map { extents[$0, default: 1] })
        self.init(ElementMoves.gather(tensor, shape: shape, strides: steps, offset: 0), labels)
    }

    private func extent(_ label: EinsumEquation.Label) -> Int {
        labels.firstIndex(of: label).map { tensor.shape[$0] } ?? 1
    }

    /// The elements with the axes in another order.
    func arranged(_ order: [EinsumEquation.Label]) -> Tensor {
        guard order != labels else { return tensor }
        let strides = tensor.shape.rowMajorStrides
        let steps = order.map { label in labels.firstIndex(of: label).map { strides[$0] } ?? 0 }
        return ElementMoves.gather(tensor, shape: Shape(order.map(extent)), strides: steps, offset: 0)
    }

    /// The sums over the labels that are not kept.
    func summed<T: Lane>(keeping kept: Set<EinsumEquation.Label>, _ lane: T.Type) throws(KernelError) -> LabelledTensor
    {
        let rest = labels.filter(kept.contains)
        let gone = labels.filter { !kept.contains($0) }
        guard !gone.isEmpty else { return self }
        let count = gone.reduce(1) { $0 * extent($1) }
        let shape = Shape(rest.map(extent))
        let matrix = arranged(rest + gone).reshaped(to: [shape.elementCount, count])
        let ones = Tensor(shape: [count, 1], elements: [T](repeating: T(converting: 1), count: count))
        let sums = ReferenceKernels.multiply(matrix, ones, shape: [shape.elementCount, 1], lane)
        return LabelledTensor(sums.reshaped(to: shape), rest)
    }

    /// The sums of products over the labels that both have and that are not kept.
    func multiplied<T: Lane>(
        by other: LabelledTensor, keeping kept: Set<EinsumEquation.Label>, _ lane: T.Type
    ) throws(KernelError) -> LabelledTensor {
        let shared = labels.filter(other.labels.contains)
        let batch = shared.filter(kept.contains)
        let summed = shared.filter { !kept.contains($0) }
        let rows = labels.filter { !shared.contains($0) }
        let columns = other.labels.filter { !shared.contains($0) }
        func size(_ group: [EinsumEquation.Label], of operand: LabelledTensor) -> Int {
            group.reduce(1) { $0 * operand.extent($1) }
        }
        let (count, depth) = (size(batch, of: self), size(summed, of: self))
        let left = arranged(batch + rows + summed).reshaped(to: [count, size(rows, of: self), depth])
        let right = other.arranged(batch + summed + columns).reshaped(to: [count, depth, size(columns, of: other)])
        let product = try ReferenceKernels.matMul(KernelInputs(tensors: [left, right]))
        let shape = try KernelShapes.output(
            (batch + rows).map(extent) + columns.map(other.extent), T.elementType)
        return LabelledTensor(product.reshaped(to: shape), batch + rows + columns)
    }
}
