import Graphs
import Tensors

extension ReferenceKernels {
    /// Repeats, moves and makes elements by their position alone; results are exact.
    static func arrangement(_ op: ArrangementOperator, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        switch op {
        case .tile: return try tile(inputs)
        case .depthToSpace(let size, let blocksFirst):
            return try depthToSpace(inputs.required(0), size, blocksFirst: blocksFirst)
        case .spaceToDepth(let size): return try spaceToDepth(inputs.required(0), size)
        case .triangle(let isUpper): return try triangle(inputs, isUpper: isUpper)
        case .reverseSequence(let timeAxis, let batchAxis):
            return try reverseSequence(inputs, timeAxis: timeAxis, batchAxis: batchAxis)
        case .centerCropOrPad(let axes): return try centerCropOrPad(inputs, axes)
        case .identityMatrix(let offset, let type): return try identityMatrix(inputs.required(0), offset, type)
        case .range: return try range(inputs)
        case .oneHot(let axis): return try oneHot(inputs, axis: axis)
        case .size: return Tensor(scalar: Int64(try inputs.required(0).elementCount))
        case .castLike: return try inputs.required(0).converted(to: try inputs.required(1).elementType)
        }
    }

    private static func tile(_ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let repeats = try inputs.integers(1)
        guard repeats.count == data.shape.rank, repeats.allSatisfy({ $0 >= 0 }) else {
            throw .shapeMismatch("repeats \(repeats) do not fit data \(data.shape)")
        }
        let shape = try KernelShapes.output(data.shape.dimensions, times: repeats, data.elementType)
        // Extents and repeats have no bound where there are no elements.
        guard shape.elementCount > 0 else { return Tensor(zeros: shape, elementType: data.elementType) }
        let indices = zip(data.shape.dimensions, repeats).map { extent, count in
            (0..<count).flatMap { _ in (0..<extent).map { Optional($0) } }
        }
        return ElementMoves.remap(data, shape: shape, indices: indices, fill: zero(of: data.elementType))
    }

    private static func zero(of type: ElementType) -> Tensor { Tensor(zeros: [1], elementType: type) }

    /// Larger blocks have more elements than a tensor; their square fits.
    private static let maximumBlockSize = 1 << 16

    private static func depthToSpace(_ data: Tensor, _ size: Int, blocksFirst: Bool) throws(KernelError) -> Tensor {
        guard data.shape.rank == 4, (1...maximumBlockSize).contains(size), data.shape[1] % (size * size) == 0 else {
            throw .shapeMismatch("\(data.shape) has no channels for blocks of \(size) x \(size)")
        }
        let (n, c, h, w) = (data.shape[0], data.shape[1] / (size * size), data.shape[2], data.shape[3])
        let result = try KernelShapes.output([n, c, h * size, w * size], data.elementType)
        let split: Shape = blocksFirst ? [n, size, size, c, h, w] : [n, c, size, size, h, w]
        let order = blocksFirst ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]
        let strides = split.rowMajorStrides
        return ElementMoves.gather(
            data.reshaped(to: split), shape: Shape(order.map { split[$0] }), strides: order.map { strides[$0] },
            offset: 0
        ).reshaped(to: result)
    }

    private static func spaceToDepth(_ data: Tensor, _ size: Int) throws(KernelError) -> Tensor {
        guard data.shape.rank == 4, (1...maximumBlockSize).contains(size), data.shape[2] % size == 0,
            data.shape[3] % size == 0
        else {
            throw .shapeMismatch("\(data.shape) does not divide into blocks of \(size) x \(size)")
        }
        let (n, c, h, w) = (data.shape[0], data.shape[1], data.shape[2] / size, data.shape[3] / size)
        let result = try KernelShapes.output([n, c * size * size, h, w], data.elementType)
        let split: Shape = [n, c, h, size, w, size]
        let strides = split.rowMajorStrides
        let order = [0, 3, 5, 1, 2, 4]
        return ElementMoves.gather(
            data.reshaped(to: split), shape: Shape(order.map { split[$0] }), strides: order.map { strides[$0] },
            offset: 0
        ).reshaped(to: result)
    }

    private static func triangle(_ inputs: KernelInputs, isUpper: Bool) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let diagonal = try inputs.optionalInteger(1) ?? 0
        guard data.shape.rank >= 2 else { throw .shapeMismatch("\(data.shape) is no matrix") }
        guard data.elementCount > 0 else { return data }
        let (rows, columns) = (data.shape[data.shape.rank - 2], data.shape[data.shape.rank - 1])
        let isKept = (0..<rows).flatMap { row in
            (0..<columns).map { isUpper ? $0 - row >= diagonal : $0 - row <= diagonal }
        }
        let lead = data.shape.rank - 2
        return ElementChoice.select(
            Tensor(shape: [rows, columns], elements: isKept), data, zero(of: data.elementType), shape: data.shape,
            strides: [
                [Int](repeating: 0, count: lead) + [columns, 1], data.shape.rowMajorStrides,
                [Int](repeating: 0, count: data.shape.rank),
            ])
    }

    private static func reverseSequence(
        _ inputs: KernelInputs, timeAxis: Int, batchAxis: Int
    ) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let lengths = try inputs.integers(1)
        let rank = data.shape.rank
        let (time, batch) = (try KernelShapes.axis(timeAxis, rank: rank), try KernelShapes.axis(batchAxis, rank: rank))
        guard time != batch, lengths.count == data.shape[batch],
            lengths.allSatisfy({ $0 >= 0 && $0 <= data.shape[time] })
        else { throw .shapeMismatch("lengths \(lengths) do not fit axes \(time) and \(batch) of \(data.shape)") }
        let strides = data.shape.rowMajorStrides
        let positions = (0..<data.elementCount).map { position -> Int in
            let step = position / strides[time] % data.shape[time]
            let length = lengths[position / strides[batch] % data.shape[batch]]
            return step < length ? position + (length - 1 - 2 * step) * strides[time] : position
        }
        return ElementChoice.collect(data, at: positions, shape: data.shape)
    }

    private static func centerCropOrPad(_ inputs: KernelInputs, _ axes: [Int]?) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let wanted = try inputs.integers(1)
        let places = try KernelShapes.axes(axes ?? Array(0..<data.shape.rank), rank: data.shape.rank)
        guard wanted.count == places.count, wanted.allSatisfy({ $0 >= 0 }) else {
            throw .shapeMismatch("extents \(wanted) do not fit \(places.count) axes")
        }
        var dimensions = data.shape.dimensions
        for (axis, extent) in zip(places, wanted) { dimensions[axis] = extent }
        let shape = try KernelShapes.output(dimensions, data.elementType)
        guard shape.elementCount > 0 else { return Tensor(zeros: shape, elementType: data.elementType) }
        let indices = zip(data.shape.dimensions, dimensions).map { own, extent in
            // Of an odd number of elements the larger half is at the end.
            let start = own > extent ? (own - extent) / 2 : -((extent - own) / 2)
            return (0..<extent).map { (0..<own).contains($0 + start) ? $0 + start : nil }
        }
        return ElementMoves.remap(data, shape: shape, indices: indices, fill: zero(of: data.elementType))
    }

    private static func identityMatrix(
        _ data: Tensor, _ offset: Int, _ type: ElementType?
    ) throws(KernelError) -> Tensor {
        guard data.shape.rank == 2 else { throw .shapeMismatch("\(data.shape) is no matrix") }
        let elements = (0..<(data.elementCount == 0 ? 0 : data.shape[0])).flatMap { row in
            (0..<data.shape[1]).map { $0 - row == offset }
        }
        return Tensor(shape: data.shape, elements: elements).converted(to: type ?? data.elementType)
    }

    private static func range(_ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let start = try inputs.required(0)
        for index in 0..<3 where try inputs.required(index).elementCount != 1 {
            throw .shapeMismatch("input \(index) must be a scalar")
        }
        return switch start.elementType.lane {
        case .signed: try range(inputs, of: start.elementType, Int64.self)
        case .unsigned: try range(inputs, of: start.elementType, UInt64.self)
        case .float, .double, nil: try realRange(inputs, of: start.elementType)
        }
    }

    private static func range<T: Lane & FixedWidthInteger>(
        _ inputs: KernelInputs, of type: ElementType, _ lane: T.Type
    ) throws(KernelError) -> Tensor {
        let bounds = try (0..<3).map { (index) throws(KernelError) in
            Int128(try inputs.required(index).widened(to: lane).elements(as: lane)[0])
        }
        guard let count = ArrangementOperator.rangeCount(from: bounds[0], to: bounds[1], by: bounds[2]) else {
            throw .invalidArgument("a range from \(bounds[0]) to \(bounds[1]) by 0")
        }
        let shape = try KernelShapes.output([Int(clamping: count)], lane.elementType)
        return Tensor(
            shape: shape,
            elements: (0..<shape[0]).map { lane.init(truncatingIfNeeded: bounds[0] + Int128($0) * bounds[2]) }
        ).narrowed(to: type)
    }

    /// `start + index * step`, computed in `Double` and rounded once.
    private static func realRange(_ inputs: KernelInputs, of type: ElementType) throws(KernelError) -> Tensor {
        let bounds = try (0..<3).map { (index) throws(KernelError) in
            try inputs.required(index).converted(to: .float64).elements(as: Double.self)[0]
        }
        let count = ((bounds[1] - bounds[0]) / bounds[2]).rounded(.up)
        guard bounds[2] != 0, count < Double(KernelShapes.maximumByteCount) else {
            throw .invalidArgument("a range from \(bounds[0]) to \(bounds[1]) by \(bounds[2])")
        }
        let shape = try KernelShapes.output([Int(max(count, 0))], .float64)
        return Tensor(shape: shape, elements: (0..<shape[0]).map { bounds[0] + Double($0) * bounds[2] })
            .converted(to: type)
    }

    private static func oneHot(_ inputs: KernelInputs, axis: Int) throws(KernelError) -> Tensor {
        let indices = try inputs.required(0)
        let given = try inputs.required(1).converted(to: .int64).elements(as: Int64.self)
        let values = try inputs.required(2)
        guard given.count == 1, given[0] > 0, values.shape.dimensions == [2] else {
            throw .shapeMismatch(
                "the depth must be one positive number and the values two, not \(given), \(values.shape)")
        }
        let depth = Int(given[0])
        let place = try KernelShapes.axis(axis, rank: indices.shape.rank + 1)
        var dimensions = indices.shape.dimensions
        dimensions.insert(depth, at: place)
        let shape = try KernelShapes.output(dimensions, values.elementType)
        let inner = KernelShapes.count(shape.dimensions[(place + 1)...])
        var positions = [Int](repeating: 0, count: shape.elementCount)
        for (position, value) in indices.converted(to: .int64).elements(as: Int64.self).enumerated() {
            guard value >= -Int64(depth), value < Int64(depth) else { continue }
            let index = Int(value) + (value < 0 ? depth : 0)
            positions[(position / inner * depth + index) * inner + position % inner] = 1
        }
        return ElementChoice.collect(values, at: positions, shape: shape)
    }
}
