import Graphs
import Tensors

extension ReferenceKernels {
    /// Where elements stand among those of their axis; NaN is larger than every number, as in NumPy.
    static func ranking(_ op: RankingOperator, _ inputs: KernelInputs) throws(KernelError) -> [Tensor] {
        let types = if case .cumulative = op { ElementTypes.wideNumbers } else { ElementTypes.numbers }
        let data = try inputs.required(0, types: types)
        return switch data.elementType.lane {
        case .float: try ranking(op, data, inputs, Float.self)
        case .double: try ranking(op, data, inputs, Double.self)
        case .signed: try ranking(op, data, inputs, Int64.self)
        case .unsigned, nil: try ranking(op, data, inputs, UInt64.self)
        }
    }

    private static func ranking<T: Lane>(
        _ op: RankingOperator, _ data: Tensor, _ inputs: KernelInputs, _ lane: T.Type
    ) throws(KernelError) -> [Tensor] {
        switch op {
        case .extremePosition(let isMaximum, let axis, let keepsAxis, let selectsLast):
            return [
                try extremePosition(
                    AxisLines(data.shape, axis: axis), data, lane, isMaximum: isMaximum, keepsAxis: keepsAxis,
                    selectsLast: selectsLast)
            ]
        case .top(let axis, let isLargest):
            guard let count = try inputs.integers(1).first else {
                throw .shapeMismatch("k at input 1 must be one integer")
            }
            return try top(count, AxisLines(data.shape, axis: axis), data, lane, isLargest: isLargest)
        case .cumulative(let isProduct, let isExclusive, let isReverse):
            guard let axis = try inputs.integers(1).first else {
                throw .shapeMismatch("the axis at input 1 must be one integer")
            }
            let lines = try AxisLines(data.shape, axis: axis)
            return [
                cumulative(lines, data, lane, isExclusive: isExclusive, isReverse: isReverse, isProduct: isProduct)
            ]
        }
    }

    private static func precedes<T: Lane>(_ left: T, _ right: T, isLargest: Bool) -> Bool {
        if left.isNotANumber || right.isNotANumber { return isLargest && left.isNotANumber && !right.isNotANumber }
        return isLargest ? left > right : left < right
    }

    private static func extremePosition<T: Lane>(
        _ lines: AxisLines, _ data: Tensor, _ lane: T.Type, isMaximum: Bool, keepsAxis: Bool, selectsLast: Bool
    ) throws(KernelError) -> Tensor {
        guard lines.extent > 0 else {
            throw .shapeMismatch("an axis of \(data.shape) has no largest or smallest element")
        }
        let values = data.widened(to: lane).elements(as: lane)
        let positions = lines.starts.map { start -> Int64 in
            var best = 0
            for index in 1..<max(lines.extent, 1) {
                let (value, known) = (values[start + index * lines.stride], values[start + best * lines.stride])
                let isBetter =
                    precedes(value, known, isLargest: isMaximum)
                    || (selectsLast && !precedes(known, value, isLargest: isMaximum))
                if isBetter { best = index }
            }
            return Int64(best)
        }
        var dimensions = data.shape.dimensions
        if keepsAxis { dimensions[lines.axis] = 1 } else { dimensions.remove(at: lines.axis) }
        return Tensor(shape: Shape(dimensions), elements: positions)
    }

    private static func top<T: Lane>(
        _ count: Int, _ lines: AxisLines, _ data: Tensor, _ lane: T.Type, isLargest: Bool
    ) throws(KernelError) -> [Tensor] {
        guard count >= 0, count <= lines.extent else {
            throw .invalidArgument(
                "k is \(count), but axis \(lines.axis) of \(data.shape) has \(lines.extent) elements")
        }
        let values = data.widened(to: lane).elements(as: lane)
        var dimensions = data.shape.dimensions
        dimensions[lines.axis] = count
        let result = try AxisLines(Shape(dimensions), axis: lines.axis)
        var (positions, indices) = (
            [Int](repeating: 0, count: Shape(dimensions).elementCount),
            [Int64](repeating: 0, count: Shape(dimensions).elementCount)
        )
        for (start, target) in zip(lines.starts, result.starts) {
            let order = (0..<lines.extent).sorted { left, right in
                let (a, b) = (values[start + left * lines.stride], values[start + right * lines.stride])
                if precedes(a, b, isLargest: isLargest) { return true }
                return !precedes(b, a, isLargest: isLargest) && left < right
            }
            for (place, index) in order.prefix(count).enumerated() {
                positions[target + place * result.stride] = start + index * lines.stride
                indices[target + place * result.stride] = Int64(index)
            }
        }
        return [
            ElementChoice.collect(data, at: positions, shape: Shape(dimensions)),
            Tensor(shape: Shape(dimensions), elements: indices),
        ]
    }

    /// Each step is rounded to the lane's precision, in the order of the axis.
    private static func cumulative<T: Lane>(
        _ lines: AxisLines, _ data: Tensor, _ lane: T.Type, isExclusive: Bool, isReverse: Bool, isProduct: Bool
    ) -> Tensor {
        var values = data.widened(to: lane).elements(as: lane)
        for start in lines.starts {
            var running = T(converting: isProduct ? 1 : 0)
            for step in 0..<lines.extent {
                let place = start + (isReverse ? lines.extent - 1 - step : step) * lines.stride
                let before = running
                running = isProduct ? running.multiplied(by: values[place]) : running.adding(values[place])
                values[place] = isExclusive ? before : running
            }
        }
        return Tensor(shape: data.shape, elements: values).narrowed(to: data.elementType)
    }
}

/// The elements of a row-major tensor that differ along one axis only.
struct AxisLines {
    /// The axis, counted from the front.
    let axis: Int
    /// Elements of a line.
    let extent: Int
    /// Distance between neighbours of a line.
    let stride: Int
    /// Position of each line's first element, in row-major order; none when there are no elements.
    let starts: [Int]

    init(_ shape: Shape, axis: Int) throws(KernelError) {
        self.axis = try KernelShapes.axis(axis, rank: shape.rank)
        extent = shape[self.axis]
        stride = KernelShapes.count(shape.dimensions[(self.axis + 1)...])
        let (outer, inner, length) = (KernelShapes.count(shape.dimensions[..<self.axis]), stride, extent * stride)
        // Lines of nothing can be very many.
        guard shape.elementCount > 0 else {
            starts = []
            return
        }
        starts = (0..<outer).flatMap { block in (0..<inner).map { block * length + $0 } }
    }
}
