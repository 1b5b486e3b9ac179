/// The extents of a tensor, outermost axis first.
///
/// A scalar has rank 0 and one element. Extents may be 0.
public struct Shape: Hashable, Sendable {
    /// The extent of each axis; none is negative.
    public let dimensions: [Int]

    /// Product of the extents; 1 for a scalar.
    public let elementCount: Int

    /// Makes a shape.
    ///
    /// - Precondition: No extent is negative and there are at most `maximumElementCount` elements, axes without any left
    ///   out. Extents that come from a file or a peer go through `init(checking:)` instead.
    public init(_ dimensions: [Int]) {
        guard let count = Self.fullElementCount(dimensions) else {
            preconditionFailure("Shape \(dimensions) has a negative extent or too many elements")
        }
        self.dimensions = dimensions
        elementCount = dimensions.contains(0) ? 0 : count
    }

    /// Most elements of a shape: their bytes can still be counted, with a header before them.
    public static let maximumElementCount = 1 << 58
    /// Most elements of the axes of an empty shape that are not empty: loops over these axes end.
    public static let maximumEmptyElementCount = 1 << 26

    /// Makes a shape from untrusted extents.
    ///
    /// - Returns: `nil` when an extent is negative or there are more than `maximumElementCount` elements; when an extent
    ///   is 0, when the others have more than `maximumEmptyElementCount`. So every part of a shape is a shape too.
    public init?(checking dimensions: [Int]) {
        guard let count = Self.fullElementCount(dimensions),
            !dimensions.contains(0) || count <= Self.maximumEmptyElementCount
        else { return nil }
        self.init(dimensions)
    }

    /// Product of the extents that are not 0; `nil` when one is negative or there are too many elements.
    private static func fullElementCount(_ dimensions: [Int]) -> Int? {
        var count = 1
        for extent in dimensions {
            guard extent >= 0 else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: max(extent, 1))
            guard !overflow, product <= maximumElementCount else { return nil }
            count = product
        }
        return count
    }

    /// Number of axes.
    public var rank: Int { dimensions.count }

    /// The extent of one axis.
    public subscript(axis: Int) -> Int { dimensions[axis] }

    /// Distance in elements between neighbours along each axis, in row-major order: [2, 3, 4] gives [12, 4, 1].
    public var rowMajorStrides: [Int] {
        var strides = [Int](repeating: 1, count: rank)
        var stride = 1
        for axis in dimensions.indices.reversed() {
            strides[axis] = stride
            stride *= max(dimensions[axis], 1)
        }
        return strides
    }
}

extension Shape: ExpressibleByArrayLiteral {
    /// Makes a shape from literal extents.
    public init(arrayLiteral elements: Int...) {
        self.init(elements)
    }
}

extension Shape: CustomStringConvertible {
    /// The extents in brackets, for example `[1, 3, 224, 224]`.
    public var description: String {
        "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
    }
}
