import Graphs
import Tensors

extension ReferenceKernels {
    /// New extents over the same elements; -1 is inferred, 0 copies the input's extent unless zeros are allowed.
    static func reshape(allowZero: Bool, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        var dimensions = try inputs.integers(1)
        for axis in dimensions.indices where dimensions[axis] == 0 && !allowZero {
            guard axis < data.shape.rank else {
                throw .shapeMismatch(
                    "extent 0 of \(dimensions) at axis \(axis) copies an axis that \(data.shape) lacks")
            }
            dimensions[axis] = data.shape[axis]
        }
        let wanted = dimensions
        if let inferred = dimensions.firstIndex(of: -1) {
            dimensions[inferred] = 1
            guard let known = Shape(checking: dimensions)?.elementCount, known > 0,
                data.elementCount % known == 0
            else { throw .shapeMismatch("\(data.shape) cannot be reshaped to \(wanted)") }
            dimensions[inferred] = data.elementCount / known
        }
        guard let shape = Shape(checking: dimensions), shape.elementCount == data.elementCount else {
            throw .shapeMismatch("\(data.shape) cannot be reshaped to \(wanted)")
        }
        return data.reshaped(to: shape)
    }

    /// A matrix: the axes before `axis` become rows, the others columns.
    static func flatten(axis: Int, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let rank = data.shape.rank
        let start = try KernelShapes.axis(axis, limit: rank + 1, rank: rank)
        guard let rows = Shape(checking: Array(data.shape.dimensions[..<start])),
            let columns = Shape(checking: Array(data.shape.dimensions[start...])),
            let shape = Shape(checking: [rows.elementCount, columns.elementCount])
        else { throw .shapeMismatch("\(data.shape) cannot be flattened") }
        return data.reshaped(to: shape)
    }

    /// Axes in another order; no permutation reverses them.
    static func transpose(permutation: [Int]?, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let rank = data.shape.rank
        let order = permutation ?? Array((0..<rank).reversed())
        guard order.sorted() == Array(0..<rank) else {
            throw .invalidArgument("\(order) is not a permutation of the \(rank) axes of \(data.shape)")
        }
        let strides = data.shape.rowMajorStrides
        let shape = try KernelShapes.output(order.map { data.shape[$0] }, data.elementType)
        return ElementMoves.gather(data, shape: shape, strides: order.map { strides[$0] }, offset: 0)
    }

    /// Drops axes of extent 1: those named by input 1, or all.
    static func squeeze(_ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let dimensions = data.shape.dimensions
        let dropped: [Int]
        if let axes = try inputs.optionalIntegers(1) {
            dropped = try KernelShapes.axes(axes, rank: data.shape.rank)
        } else {
            dropped = dimensions.indices.filter { dimensions[$0] == 1 }
        }
        for axis in dropped where dimensions[axis] != 1 {
            throw .shapeMismatch("axis \(axis) of \(data.shape) cannot be squeezed because its extent is not 1")
        }
        return data.reshaped(to: Shape(dimensions.indices.filter { !dropped.contains($0) }.map { dimensions[$0] }))
    }

    /// Inserts axes of extent 1, numbered in the result.
    static func unsqueeze(_ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let given = try inputs.integers(1)
        let rank = data.shape.rank + given.count
        let axes = try KernelShapes.axes(given, rank: rank)
        var rest = data.shape.dimensions.makeIterator()
        var dimensions: [Int] = []
        for axis in 0..<rank { dimensions.append(axes.contains(axis) ? 1 : rest.next() ?? 1) }
        return data.reshaped(to: Shape(dimensions))
    }

    /// Broadcasts to the common shape of the data and input 1.
    static func expand(_ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let wanted = try KernelShapes.output(try inputs.integers(1), data.elementType)
        let dimensions = try Broadcasting.shape(of: [data.shape, wanted])
        return ElementMoves.gather(
            data, shape: try KernelShapes.output(dimensions, data.elementType),
            strides: Broadcasting.strides(of: data.shape, in: dimensions), offset: 0)
    }

    /// Tensors one after the other along an axis.
    static func concat(axis: Int, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let first = try inputs.required(0)
        let axis = try KernelShapes.axis(axis, rank: first.shape.rank)
        var sources = [first]
        var extent = first.shape[axis]
        for index in 1..<max(inputs.count, 1) {
            let source = try inputs.required(index)
            guard source.shape.rank == first.shape.rank,
                first.shape.dimensions.indices.allSatisfy({ $0 == axis || source.shape[$0] == first.shape[$0] })
            else {
                throw .shapeMismatch("\(first.shape) and \(source.shape) cannot be joined along axis \(axis)")
            }
            let (sum, overflow) = extent.addingReportingOverflow(source.shape[axis])
            guard !overflow else { throw .shapeMismatch("the joined axis \(axis) is too large") }
            extent = sum
            sources.append(source)
        }
        var dimensions = first.shape.dimensions
        dimensions[axis] = extent
        let shape = try KernelShapes.output(dimensions, first.elementType)
        return ElementMoves.concatenate(sources, axis: axis, shape: shape, elementType: first.elementType)
    }

    /// Parts along an axis: sizes from input 1, or `count` equal parts of which the last may be smaller.
    static func split(
        axis: Int, count: Int?, _ inputs: KernelInputs, outputCount: Int
    ) throws(KernelError) -> [Tensor] {
        let data = try inputs.required(0)
        let axis = try KernelShapes.axis(axis, rank: data.shape.rank)
        let extent = data.shape[axis]
        let sizes: [Int]
        if let given = try inputs.optionalIntegers(1) {
            guard let total = Shape.sum(given), total == extent else {
                throw .shapeMismatch("the parts \(given) do not add up to the \(extent) elements of axis \(axis)")
            }
            sizes = given
        } else {
            let count = count ?? outputCount
            guard count >= 1, count <= max(extent, 1) else {
                throw .invalidArgument("axis \(axis) with \(extent) elements cannot be split into \(count) parts")
            }
            let size = (extent + count - 1) / count
            guard extent > (count - 1) * size || extent == 0 else {
                throw .invalidArgument("axis \(axis) with \(extent) elements cannot be split into \(count) parts")
            }
            sizes = (0..<count).map { $0 == count - 1 ? extent - (count - 1) * size : size }
        }
        var parts: [Tensor] = []
        var start = 0
        for size in sizes {
            parts.append(ElementMoves.slice(data, axis: axis, range: start..<start + size))
            start += size
        }
        return parts
    }

    /// A strided part: inputs are data, starts, ends, axes (optional), steps (optional).
    static func slice(_ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let starts = try inputs.integers(1)
        let ends = try inputs.integers(2)
        let axes = try KernelShapes.axes(
            try inputs.optionalIntegers(3) ?? Array(starts.indices), rank: data.shape.rank)
        let steps = try inputs.optionalIntegers(4) ?? starts.map { _ in 1 }
        guard starts.count == ends.count, starts.count == axes.count, starts.count == steps.count else {
            throw .shapeMismatch(
                "starts, ends, axes and steps have \(starts.count), \(ends.count), \(axes.count) and \(steps.count) elements"
            )
        }
        var dimensions = data.shape.dimensions
        var strides = data.shape.rowMajorStrides
        var offset = 0
        for (index, axis) in axes.enumerated() {
            guard steps[index] != 0 else { throw .invalidArgument("the step of axis \(axis) is 0") }
            let extent = data.shape[axis]
            // A step beyond the extent reaches the first element only, so it can be limited before it overflows.
            let step = min(max(steps[index], -extent - 1), extent + 1)
            let backward = step < 0
            let first = bounded(starts[index], extent: extent, lower: 0, upper: backward ? extent - 1 : extent)
            let end = bounded(
                ends[index], extent: extent, lower: backward ? -1 : 0, upper: backward ? extent - 1 : extent)
            let room = backward ? first - end : end - first
            let count = room <= 0 || extent == 0 ? 0 : (room - 1) / step.magnitudeAsInt + 1
            dimensions[axis] = count
            if count > 0 { offset += first * strides[axis] }
            strides[axis] &*= step
        }
        return ElementMoves.gather(data, shape: Shape(dimensions), strides: strides, offset: offset)
    }

    /// A slice bound counted from the front, limited to a range.
    private static func bounded(_ value: Int, extent: Int, lower: Int, upper: Int) -> Int {
        // A negative bound is counted from the end; it can be as low as Int.min, which the addition bears.
        max(lower, min(upper, value < 0 ? value + extent : value))
    }

    /// Adds elements around the data, or drops them where a pad is negative: inputs are data, pads (all befores, then
    /// all afters), constant value (optional), axes (optional).
    static func pad(_ mode: PaddingMode, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let pads = try inputs.integers(1)
        let rank = data.shape.rank
        let axes = try KernelShapes.axes(try inputs.optionalIntegers(3) ?? Array(0..<rank), rank: rank)
        guard pads.count == 2 * axes.count else {
            throw .shapeMismatch("\(pads.count) pads for \(axes.count) axes; there must be two per axis")
        }
        let fill = inputs.optional(2) ?? Tensor(zeros: [], elementType: data.elementType)
        guard fill.elementCount == 1 else {
            throw .shapeMismatch("the constant value must be a scalar but has shape \(fill.shape)")
        }
        var dimensions = data.shape.dimensions
        for (index, axis) in axes.enumerated() {
            let (sum, first) = dimensions[axis].addingReportingOverflow(pads[index])
            let (extent, second) = sum.addingReportingOverflow(pads[axes.count + index])
            guard !first, !second, extent >= 0 else {
                throw .shapeMismatch("pads \(pads) leave an impossible extent on axis \(axis) of \(data.shape)")
            }
            dimensions[axis] = extent
        }
        let shape = try KernelShapes.output(dimensions, data.elementType)
        guard shape.elementCount > 0 else { return Tensor(zeros: shape, elementType: data.elementType) }
        var maps = data.shape.dimensions.map { extent in (0..<extent).map { Int?.some($0) } }
        for (index, axis) in axes.enumerated() {
            maps[axis] = try padMap(
                mode, extent: data.shape[axis], before: pads[index], after: pads[axes.count + index])
        }
        return ElementMoves.remap(data, shape: shape, indices: maps, fill: fill)
    }

    /// Where each padded position of one axis reads; `nil` is the constant; negative pads crop first.
    private static func padMap(_ mode: PaddingMode, extent: Int, before: Int, after: Int) throws(KernelError) -> [Int?]
    {
        let start = max(0, -before)
        let length = extent - start - max(0, -after)
        let first = -max(before, 0)
        let last = length + max(after, 0)
        guard length > 0 || mode == .constant || first == last else {
            throw .shapeMismatch("an empty axis cannot be padded in mode \(mode.rawValue)")
        }
        guard first <= last else {
            throw .shapeMismatch("pads \(before) and \(after) remove more than \(extent) elements")
        }
        return (first..<last).map { position -> Int? in
            if position >= 0 && position < length { return start + position }
            switch mode {
            case .constant: return nil
            case .edge: return start + min(max(position, 0), length - 1)
            case .wrap: return start + modulo(position, length)
            case .reflect:
                guard length > 1 else { return start }
                let folded = modulo(position, 2 * (length - 1))
                return start + min(folded, 2 * (length - 1) - folded)
            }
        }
    }

    private static func modulo(_ value: Int, _ divisor: Int) -> Int {
        let rest = value % divisor
        return rest < 0 ? rest + divisor : rest
    }
}

extension Shape {
    /// The sum of extents, or `nil` when one is negative or the sum overflows.
    static func sum(_ extents: [Int]) -> Int? {
        var total = 0
        for extent in extents {
            let (sum, overflow) = total.addingReportingOverflow(extent)
            guard extent >= 0, !overflow else { return nil }
            total = sum
        }
        return total
    }
}

extension Int {
    /// The absolute value.
    ///
    /// - Precondition: The value is not `Int.min`.
    fileprivate var magnitudeAsInt: Int { self < 0 ? -self : self }
}
