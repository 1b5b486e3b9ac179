import Tensors

/// How the elements of a value follow each other in memory; always without gaps.
enum TensorLayout: Hashable {
    /// Last axis innermost.
    case rowMajor
    /// [N, C, spatial...] with the channels innermost.
    case channelsLast

    /// Axes, outermost first.
    func order(rank: Int) -> [Int] {
        switch self {
        case .rowMajor: Array(0..<rank)
        case .channelsLast: rank < 3 ? Array(0..<rank) : [0] + Array(2..<rank) + [1]
        }
    }

    /// Distance in elements between neighbours along each axis.
    func strides(of shape: Shape) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.rank)
        var stride = 1
        for axis in order(rank: shape.rank).reversed() {
            strides[axis] = stride
            stride *= max(shape[axis], 1)
        }
        return strides
    }

    /// Whether both layouts put each element of such a tensor at the same place.
    static func coincide(for shape: Shape) -> Bool {
        guard shape.rank >= 3, shape.elementCount > 0 else { return true }
        return shape[1] == 1 || shape.dimensions[2...].allSatisfy { $0 == 1 }
    }
}
