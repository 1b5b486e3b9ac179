import Graphs
import Tensors

extension ReferenceKernels {
    /// Entries along an axis at given indices; negative ones count from the end.
    static func gather(axis: Int, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let indices = try inputs.required(1)
        let axis = try KernelShapes.axis(axis, rank: data.shape.rank)
        let extent = data.shape[axis]
        var positions: [Int] = []
        positions.reserveCapacity(indices.elementCount)
        for value in indices.converted(to: .int64).elements(as: Int64.self) {
            let index = Int(value)
            guard index >= -extent && index < extent else {
                throw .invalidArgument("index \(index) lies outside axis \(axis) with \(extent) elements")
            }
            positions.append(index < 0 ? index + extent : index)
        }
        let dimensions =
            data.shape.dimensions[..<axis] + indices.shape.dimensions + data.shape.dimensions[(axis + 1)...]
        let shape = try KernelShapes.output(Array(dimensions), data.elementType)
        return ElementMoves.take(data, axis: axis, indices: positions, shape: shape)
    }

    /// The extents from axis `start` to before `end`, as int64.
    static func shape(start: Int, end: Int?, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let rank = data.shape.rank
        func position(_ axis: Int) -> Int { max(0, min(rank, axis < 0 ? axis + rank : axis)) }
        let first = position(start)
        let last = max(first, position(end ?? rank))
        let extents = data.shape.dimensions[first..<last].map(Int64.init)
        return Tensor(shape: [extents.count], elements: extents)
    }

    /// A tensor of the shape given by input 0, filled with one value.
    static func constantOfShape(value: Tensor, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        guard value.elementCount == 1 else {
            throw .shapeMismatch("the value must have one element but has shape \(value.shape)")
        }
        let shape = try KernelShapes.output(try inputs.integers(0), value.elementType)
        return ElementMoves.gather(
            value, shape: shape, strides: [Int](repeating: 0, count: shape.rank), offset: 0)
    }
}
