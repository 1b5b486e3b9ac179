import Kernels
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
        strided(shape).strides
    }

    /// A tensor of this layout as the library sees it.
    func strided(_ shape: Shape) -> StridedShape {
        switch self {
        case .rowMajor: StridedShape(rowMajor: shape.dimensions)
        case .channelsLast: StridedShape(channelsLast: shape.dimensions)
        }
    }

    /// Whether both layouts put each element of such a tensor at the same place.
    static func coincide(for shape: Shape) -> Bool {
        guard shape.rank >= 3, shape.elementCount > 0 else { return true }
        return shape[1] == 1 || shape.dimensions[2...].allSatisfy { $0 == 1 }
    }
}
