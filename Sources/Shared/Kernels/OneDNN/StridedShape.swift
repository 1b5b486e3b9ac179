/// Extents and strides (in elements) of a view of memory.
package struct StridedShape: Hashable, Sendable {
    /// The extent of each axis.
    package let extents: [Int]
    /// Distance in elements between neighbours along each axis.
    package let strides: [Int]

    /// Makes a view.
    package init(extents: [Int], strides: [Int]) {
        self.extents = extents
        self.strides = strides
    }

    /// Dense elements with the last axis innermost.
    package init(rowMajor extents: [Int]) {
        self.init(dense: extents, order: Array(extents.indices))
    }

    /// Dense elements of [N, C, spatial...] with the channels innermost; row-major below rank 3.
    package init(channelsLast extents: [Int]) {
        guard extents.count >= 3 else {
            self.init(rowMajor: extents)
            return
        }
        self.init(dense: extents, order: [0] + Array(2..<extents.count) + [1])
    }

    /// Dense elements whose axes lie in memory in `order`, outermost first.
    private init(dense extents: [Int], order: [Int]) {
        var strides = [Int](repeating: 1, count: extents.count)
        var stride = 1
        for axis in order.reversed() {
            strides[axis] = stride
            stride *= max(extents[axis], 1)
        }
        self.init(extents: extents, strides: strides)
    }

    /// Number of elements.
    package var elementCount: Int { extents.reduce(1, *) }

    /// Whether both views put each element at the same place; axes of extent 1 have no influence.
    package func coincides(with other: StridedShape) -> Bool {
        guard extents == other.extents else { return false }
        return extents.indices.allSatisfy { extents[$0] == 1 || strides[$0] == other.strides[$0] }
    }

    /// Whether the elements fill one block of memory without gaps or repetitions.
    package var isDense: Bool {
        let axes = extents.indices.filter { extents[$0] != 1 }.sorted { strides[$0] < strides[$1] }
        var expected = 1
        for axis in axes {
            guard strides[axis] == expected else { return false }
            expected *= extents[axis]
        }
        return true
    }

    /// The dense view with these extents whose axes lie in memory in the same order as here.
    package var compacted: StridedShape {
        let order = extents.indices.sorted { left, right in
            strides[left] != strides[right] ? strides[left] > strides[right] : left < right
        }
        return StridedShape(dense: extents, order: order)
    }

    /// Axes in another order: axis `i` of the result is axis `permutation[i]` of this view.
    package func permuted(_ permutation: [Int]) -> StridedShape {
        StridedShape(extents: permutation.map { extents[$0] }, strides: permutation.map { strides[$0] })
    }

    /// The last two axes exchanged.
    ///
    /// - Precondition: There are two.
    package var transposed: StridedShape {
        var order = Array(extents.indices)
        order.swapAt(order.count - 2, order.count - 1)
        return permuted(order)
    }
}
