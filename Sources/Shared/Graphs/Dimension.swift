/// One extent of a tensor type, which may not be known before a sample arrives.
public enum Dimension: Hashable, Sendable {
    /// A known extent.
    case fixed(Int)
    /// An extent with a name; equal names are equal extents. Derived extents carry an expression, such as `N*4`.
    case symbol(String)
    /// An extent about which nothing is known.
    case unknown

    /// The extent when it is known.
    public var fixedValue: Int? {
        if case .fixed(let value) = self { value } else { nil }
    }
}

extension Dimension: ExpressibleByIntegerLiteral {
    /// Makes a known extent.
    public init(integerLiteral value: Int) {
        self = .fixed(value)
    }
}

extension Dimension: CustomStringConvertible {
    /// The number, the symbol, or `?`.
    public var description: String {
        switch self {
        case .fixed(let value): String(value)
        case .symbol(let name): name
        case .unknown: "?"
        }
    }
}
