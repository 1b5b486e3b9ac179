import Graphs
import Tensors

extension ReferenceKernels {
    /// Picks elements by indices or conditions, and puts elements at indices; negative indices count from the end.
    static func selection(_ op: SelectionOperator, _ inputs: KernelInputs) throws(KernelError) -> [Tensor] {
        let data = try inputs.required(0)
        switch op {
        case .gatherElements(let axis):
            let indices = try inputs.required(1)
            let positions = try elementPositions(indices, axis: axis, in: data.shape)
            return [ElementChoice.collect(data, at: positions, shape: indices.shape)]
        case .gatherND(let batchAxes):
            let blocks = try IndexedBlocks(
                inputs.required(1), in: data.shape, batchAxes: batchAxes)
            return [ElementChoice.collect(data, at: try blocks.positions(), shape: blocks.result)]
        case .scatterElements(let axis, let reduction):
            let indices = try inputs.required(1)
            let updates = try inputs.required(2)
            guard updates.shape == indices.shape else {
                throw .shapeMismatch("updates \(updates.shape) and indices \(indices.shape) differ")
            }
            return [try put(updates, into: data, at: elementPositions(indices, axis: axis, in: data.shape), reduction)]
        case .scatterND(let reduction):
            let blocks = try IndexedBlocks(inputs.required(1), in: data.shape, batchAxes: 0)
            let updates = try inputs.required(2)
            guard updates.shape == blocks.result else {
                throw .shapeMismatch("updates \(updates.shape) should have shape \(blocks.result)")
            }
            return [try put(updates, into: data, at: try blocks.positions(), reduction)]
        case .compress(let axis): return [try compress(data, try inputs.required(1), axis: axis)]
        case .nonZero: return [nonZero(data)]
        case .unique(let axis, let isSorted): return try unique(data, axis: axis, isSorted: isSorted)
        }
    }

    /// An index within an extent, counted from the front.
    static func index(_ value: Int64, extent: Int) throws(KernelError) -> Int {
        guard value >= -Int64(extent), value < Int64(extent) else {
            throw .invalidArgument("index \(value) lies outside \(extent) elements")
        }
        return Int(value) + (value < 0 ? extent : 0)
    }

    private static func elementPositions(
        _ indices: Tensor, axis: Int, in shape: Shape
    ) throws(KernelError) -> [Int] {
        let axis = try KernelShapes.axis(axis, rank: shape.rank)
        guard indices.shape.rank == shape.rank,
            shape.dimensions.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= shape[$0] })
        else { throw .shapeMismatch("indices \(indices.shape) do not fit data \(shape)") }
        let strides = shape.rowMajorStrides
        var positions: [Int] = []
        positions.reserveCapacity(indices.elementCount)
        var place = [Int](repeating: 0, count: shape.rank)
        for value in indices.converted(to: .int64).elements(as: Int64.self) {
            var position = try index(value, extent: shape[axis]) * strides[axis]
            for other in place.indices where other != axis { position += place[other] * strides[other] }
            positions.append(position)
            place.advance(within: indices.shape.dimensions)
        }
        return positions
    }

    private static func put(
        _ updates: Tensor, into data: Tensor, at positions: [Int], _ reduction: SelectionOperator.Reduction
    ) throws(KernelError) -> Tensor {
        if reduction == .replace { return ElementChoice.place(updates, into: data, at: positions) }
        switch data.elementType.lane {
        case .float: return put(updates, into: data, at: positions, reduction, Float.self)
        case .double: return put(updates, into: data, at: positions, reduction, Double.self)
        case .signed: return put(updates, into: data, at: positions, reduction, Int64.self)
        case .unsigned: return put(updates, into: data, at: positions, reduction, UInt64.self)
        case nil: throw .unsupportedElementType(input: 0, type: data.elementType.rawValue)
        }
    }

    /// One update after the other in row-major order, each rounded to the lane.
    private static func put<T: Lane>(
        _ updates: Tensor, into data: Tensor, at positions: [Int], _ reduction: SelectionOperator.Reduction,
        _ lane: T.Type
    ) -> Tensor {
        var values = data.widened(to: lane).elements(as: lane)
        for (position, update) in zip(positions, updates.widened(to: lane).elements(as: lane)) {
            switch reduction {
            case .replace: values[position] = update
            case .add: values[position] = values[position].adding(update)
            case .multiply: values[position] = values[position].multiplied(by: update)
            case .minimum: values[position] = minimum(values[position], update)
            case .maximum: values[position] = maximum(values[position], update)
            }
        }
        return Tensor(shape: data.shape, elements: values).narrowed(to: data.elementType)
    }

    private static func compress(_ data: Tensor, _ condition: Tensor, axis: Int?) throws(KernelError) -> Tensor {
        guard let axis else {
            return try compress(data.reshaped(to: [data.elementCount]), condition, axis: 0)
        }
        let place = try KernelShapes.axis(axis, rank: data.shape.rank)
        guard condition.shape.rank == 1 else {
            throw .shapeMismatch("the condition must be a list, not of shape \(condition.shape)")
        }
        // What a condition says about entries that the data do not have means nothing, as in ONNX Runtime.
        let chosen = condition.elements(as: Bool.self).prefix(data.shape[place]).enumerated().filter(\.element)
            .map(\.offset)
        var dimensions = data.shape.dimensions
        dimensions[place] = chosen.count
        return ElementMoves.take(data, axis: place, indices: chosen, shape: Shape(dimensions))
    }

    private static func nonZero(_ data: Tensor) -> Tensor {
        let isSet = data.converted(to: .bool).elements(as: Bool.self)
        let positions = isSet.indices.filter { isSet[$0] }
        let strides = data.shape.rowMajorStrides
        let indices = data.shape.dimensions.indices.flatMap { axis in
            positions.map { Int64($0 / strides[axis] % data.shape[axis]) }
        }
        return Tensor(shape: [data.shape.rank, positions.count], elements: indices)
    }
}

/// Elements or blocks that rows of indices name.
private struct IndexedBlocks {
    /// The result.
    let result: Shape
    private let indices: Tensor
    private let shape: Shape
    private let batchAxes: Int
    private let depth: Int

    init(_ indices: Tensor, in shape: Shape, batchAxes: Int) throws(KernelError) {
        guard let depth = indices.shape.dimensions.last, batchAxes >= 0, batchAxes < indices.shape.rank,
            batchAxes + depth <= shape.rank,
            indices.shape.dimensions.prefix(batchAxes) == shape.dimensions.prefix(batchAxes)
        else {
            throw .shapeMismatch("indices \(indices.shape) behind \(batchAxes) batch axes do not fit data \(shape)")
        }
        // Rows of no indices, each of which names all of the data, can be very many; a position takes 8 bytes.
        result = try KernelShapes.output(
            indices.shape.dimensions.dropLast() + shape.dimensions[(batchAxes + depth)...], .int64)
        self.indices = indices
        self.shape = shape
        self.batchAxes = batchAxes
        self.depth = depth
    }

    /// Positions of all elements, in the order of the result.
    func positions() throws(KernelError) -> [Int] {
        guard result.elementCount > 0 || indices.elementCount > 0 else { return [] }
        let strides = shape.rowMajorStrides
        let block = KernelShapes.count(shape.dimensions[(batchAxes + depth)...])
        let rows = KernelShapes.count(indices.shape.dimensions.dropLast()[...])
        let batches = KernelShapes.count(shape.dimensions[..<batchAxes])
        let batchStride = KernelShapes.count(shape.dimensions[batchAxes...])
        let values = indices.converted(to: .int64).elements(as: Int64.self)
        var positions: [Int] = []
        positions.reserveCapacity(result.elementCount)
        for row in 0..<rows {
            var start = batches == 0 ? 0 : row / max(rows / batches, 1) * batchStride
            for level in 0..<depth {
                let axis = batchAxes + level
                let index = try ReferenceKernels.index(values[row * depth + level], extent: shape[axis])
                start += index * strides[axis]
            }
            positions += start..<start + block
        }
        return positions
    }
}
