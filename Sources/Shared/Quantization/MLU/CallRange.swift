/// The smallest and the largest element that a module saw in one call, or that a weight has.
public struct CallRange: Sendable, Hashable {
    /// The smallest element; may be infinite; infinity when there was no number.
    public private(set) var minimum = Float.infinity
    /// The largest element; may be infinite; minus infinity when there was no number.
    public private(set) var maximum = -Float.infinity
    /// Whether an element was not a number.
    public private(set) var hasNaN = false

    /// The range of nothing.
    public init() {}

    /// Makes a range.
    ///
    /// - Precondition: `minimum <= maximum`.
    public init(minimum: Float, maximum: Float, hasNaN: Bool = false) {
        precondition(minimum <= maximum, "The range \(minimum) ... \(maximum) is reversed")
        self.minimum = minimum
        self.maximum = maximum
        self.hasNaN = hasNaN
    }

    /// The range of elements none of which is a number.
    public static let notANumber: CallRange = {
        var range = CallRange()
        range.hasNaN = true
        return range
    }()

    /// Whether nothing was seen.
    public var isEmpty: Bool { minimum > maximum && !hasNaN }

    /// Widens the range to elements.
    public mutating func include(_ elements: Span<Float>) {
        var (low, high, hasNaN) = (minimum, maximum, hasNaN)
        for index in elements.indices {
            let value = elements[index]
            low = value < low ? value : low
            high = value > high ? value : high
            hasNaN = hasNaN || value.isNaN
        }
        (minimum, maximum, self.hasNaN) = (low, high, hasNaN)
    }

    /// Widens the range to another.
    public mutating func include(_ other: CallRange) {
        minimum = min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
        hasNaN = hasNaN || other.hasNaN
    }
}
