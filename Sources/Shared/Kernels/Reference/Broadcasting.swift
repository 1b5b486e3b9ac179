import Tensors

/// NumPy broadcasting: shapes are aligned at the last axis, and extent 1 repeats.
enum Broadcasting {
    /// The common shape; throws when two extents differ and neither is 1.
    static func shape(of shapes: [Shape]) throws(KernelError) -> [Int] {
        let rank = shapes.map(\.rank).max() ?? 0
        var result = [Int](repeating: 1, count: rank)
        for shape in shapes {
            for axis in 0..<shape.rank {
                let target = rank - shape.rank + axis
                let extent = shape[axis]
                if extent == result[target] || extent == 1 { continue }
                guard result[target] == 1 else {
                    throw .shapeMismatch("shapes \(list(shapes)) do not broadcast to a common one")
                }
                result[target] = extent
            }
        }
        return result
    }

    /// Distance in elements between neighbours along each axis of `output` within a tensor of shape `shape`; 0 repeats.
    ///
    /// - Precondition: `shape` broadcasts to `output`.
    static func strides(of shape: Shape, in output: [Int]) -> [Int] {
        let own = shape.rowMajorStrides
        let lead = output.count - shape.rank
        return output.indices.map { axis in
            axis < lead || shape[axis - lead] == 1 ? 0 : own[axis - lead]
        }
    }

    private static func list(_ shapes: [Shape]) -> String {
        shapes.map(\.description).joined(separator: " and ")
    }
}

/// Walks an output in row-major order, with the offsets that belong to it in any number of strided operands.
struct StridedWalk {
    /// Extents with mergeable neighbours merged; never empty.
    private let extents: [Int]
    /// For each operand the stride along each extent.
    private let strides: [[Int]]

    /// Makes a walk over `dimensions`; each operand has one stride per dimension.
    init(dimensions: [Int], strides: [[Int]]) {
        var extents: [Int] = []
        var merged = [[Int]](repeating: [], count: strides.count)
        for axis in dimensions.indices where dimensions[axis] != 1 {
            let extent = dimensions[axis]
            let mergeable =
                !extents.isEmpty
                && strides.indices.allSatisfy { merged[$0][extents.count - 1] == strides[$0][axis] &* extent }
            if mergeable {
                extents[extents.count - 1] *= extent
                for operand in strides.indices { merged[operand][extents.count - 1] = strides[operand][axis] }
            } else {
                extents.append(extent)
                for operand in strides.indices { merged[operand].append(strides[operand][axis]) }
            }
        }
        if extents.isEmpty {
            extents = [1]
            merged = merged.map { _ in [0] }
        }
        self.extents = extents
        self.strides = merged
    }

    /// Elements per row.
    var rowCount: Int { extents[extents.count - 1] }

    /// Stride of each operand along a row.
    var rowStrides: [Int] { strides.map { $0[extents.count - 1] } }

    /// Calls `body` for each row in order, with the offset of its first element in each operand.
    func forEachRow<Failure: Error>(_ body: ([Int]) throws(Failure) -> Void) throws(Failure) {
        guard !extents.contains(0) else { return }
        var offsets = [Int](repeating: 0, count: strides.count)
        var position = [Int](repeating: 0, count: extents.count)
        while true {
            try body(offsets)
            var axis = extents.count - 2
            while axis >= 0 {
                position[axis] += 1
                for operand in strides.indices { offsets[operand] &+= strides[operand][axis] }
                if position[axis] < extents[axis] { break }
                for operand in strides.indices { offsets[operand] &-= strides[operand][axis] &* extents[axis] }
                position[axis] = 0
                axis -= 1
            }
            if axis < 0 { return }
        }
    }
}
