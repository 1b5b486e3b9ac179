/// A closed range of real numbers that a tensor's elements lie in; both ends are finite.
public struct TensorRange: Sendable, Hashable {
    /// The lower end; zero is always +0.
    public let minimum: Float
    /// The upper end; zero is always +0.
    public let maximum: Float

    /// Makes a range.
    ///
    /// - Precondition: Both ends are finite and in order. Numbers from a file go through `init(checking:)` instead.
    public init(minimum: Float, maximum: Float) {
        guard let range = TensorRange(checking: minimum, maximum) else {
            preconditionFailure("\(minimum) ... \(maximum) is not a finite range")
        }
        self = range
    }

    /// Makes a range from untrusted numbers.
    ///
    /// - Returns: `nil` when an end is NaN or infinite or the ends are out of order.
    public init?(checking minimum: Float, _ maximum: Float) {
        guard minimum.isFinite, maximum.isFinite, minimum <= maximum else { return nil }
        // Adding +0 turns -0 into +0 and changes nothing else, so equal ranges have equal bytes.
        self.minimum = minimum + 0
        self.maximum = maximum + 0
    }

    /// The smallest range that contains both.
    public func union(_ other: TensorRange) -> TensorRange {
        TensorRange(minimum: min(minimum, other.minimum), maximum: max(maximum, other.maximum))
    }

    /// The part within bounds, which may be infinite; the nearest bound when nothing is.
    public func clamped(to bounds: ClosedRange<Float>) -> TensorRange {
        func clamp(_ end: Float) -> Float { min(max(end, bounds.lowerBound), bounds.upperBound) }
        let (low, high) = (clamp(minimum), clamp(maximum))
        return TensorRange(checking: low, high) ?? self
    }

    /// The smallest range that contains both; an absent range is empty.
    public static func union(_ first: TensorRange?, _ second: TensorRange?) -> TensorRange? {
        guard let first else { return second }
        guard let second else { return first }
        return first.union(second)
    }
}

extension TensorRange: CustomStringConvertible {
    /// The ends, for example `-1.5 ... 2.0`.
    public var description: String { "\(minimum) ... \(maximum)" }
}
