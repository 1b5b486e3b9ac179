internal import Tensors

/// Moves the elements of shape computations as the operators on axes do.
enum ElementSelection {
    typealias Element = InferredValue.Element

    /// The elements at the given indices of each axis, in row-major order.
    static func select(_ elements: [Element], of shape: [Int], indices: [[Int]]) -> [Element] {
        var positions = [0]
        for (axis, chosen) in indices.enumerated() {
            positions = positions.flatMap { position in chosen.map { position * shape[axis] + $0 } }
        }
        return positions.map { elements[$0] }
    }

    /// The elements with their axes in another order.
    static func transpose(_ elements: [Element], of shape: [Int], permutation: [Int]) -> [Element] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
        var positions = [0]
        for axis in permutation {
            positions = positions.flatMap { position in (0..<shape[axis]).map { position + $0 * strides[axis] } }
        }
        return positions.map { elements[$0] }
    }
}

extension InferredValue {
    /// The elements together with the extents, when both are known and fit each other.
    var elementsWithShape: (elements: [Element], shape: [Int])? {
        // Only the extents of an empty tensor can be larger.
        guard let elements, let shape = type.shape, shape.elementCount == elements.count,
            shape.dimensions.allSatisfy({ $0 <= Self.maximumElementCount })
        else { return nil }
        return (elements, shape.dimensions)
    }
}
