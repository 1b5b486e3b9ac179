import Tensors

/// Tables that say which element of one buffer belongs to each element of another.
enum IndexTable {
    /// Largest number of elements that a table can name.
    static let maximumCount = Int(Int32.max)

    /// For each position of a result in memory: the position of the element that broadcasts there.
    ///
    /// - Precondition: `shape` broadcasts to `result`.
    static func broadcast(
        _ shape: Shape, _ layout: TensorLayout, to result: Shape, _ resultLayout: TensorLayout
    ) -> [Int32] {
        walk(
            result, order: resultLayout.order(rank: result.rank),
            strides: broadcastStrides(shape, layout, rank: result.rank))
    }

    /// Number of elements of a tensor that a result repeats in their order in memory; `nil` when it needs a table.
    ///
    /// - Precondition: `shape` broadcasts to `result`.
    static func period(
        _ shape: Shape, _ layout: TensorLayout, in result: Shape, _ resultLayout: TensorLayout
    ) -> Int? {
        let strides = broadcastStrides(shape, layout, rank: result.rank)
        var axes = resultLayout.order(rank: result.rank).filter { result[$0] != 1 }
        var period = 1
        while let axis = axes.last, strides[axis] == period {
            period *= result[axis]
            axes.removeLast()
        }
        return axes.allSatisfy { strides[$0] == 0 } ? period : nil
    }

    /// Distances in memory between the elements along the axes of what a tensor broadcasts to.
    private static func broadcastStrides(_ shape: Shape, _ layout: TensorLayout, rank: Int) -> [Int] {
        let own = layout.strides(of: shape)
        let lead = rank - shape.rank
        return (0..<rank).map { axis in axis < lead || shape[axis - lead] == 1 ? 0 : own[axis - lead] }
    }

    /// For each position of a tensor in memory: the row-major index of the group that it belongs to when `axes` are reduced.
    static func groups(_ shape: Shape, _ layout: TensorLayout, reducing axes: Set<Int>) -> [Int32] {
        let kept = Shape(shape.dimensions.enumerated().map { axes.contains($0.offset) ? 1 : $0.element })
        let own = kept.rowMajorStrides
        let strides = shape.dimensions.indices.map { axes.contains($0) ? 0 : own[$0] }
        return walk(shape, order: layout.order(rank: shape.rank), strides: strides)
    }

    /// Turns row-major indices into positions in memory: entry `i` of `indices` belongs to the row-major element `i` of
    /// `result` and names a row-major element of `source`; negative entries stay.
    static func placed(
        _ indices: [Int], source: Shape, _ layout: TensorLayout, result: Shape, _ resultLayout: TensorLayout
    ) -> [Int32] {
        let positions = walk(source, order: Array(0..<source.rank), strides: layout.strides(of: source))
        let order = walk(
            result, order: resultLayout.order(rank: result.rank), strides: result.rowMajorStrides)
        return order.map { element in
            let index = indices[Int(element)]
            return index < 0 ? -1 : positions[index]
        }
    }

    /// Offsets along `strides` when the axes are walked in `order`, the last one fastest.
    private static func walk(_ shape: Shape, order: [Int], strides: [Int]) -> [Int32] {
        var offsets: [Int32] = [0]
        if shape.elementCount == 0 { return [] }
        offsets.reserveCapacity(shape.elementCount)
        for axis in order {
            let extent = shape[axis]
            if extent == 1 { continue }
            let stride = Int32(truncatingIfNeeded: strides[axis])
            var next: [Int32] = []
            next.reserveCapacity(offsets.count * extent)
            for offset in offsets {
                for index in 0..<Int32(extent) { next.append(offset &+ index &* stride) }
            }
            offsets = next
        }
        return offsets
    }
}
