/// How much of each tensor a dump holds.
public enum DumpLevel: Int, Sendable, Hashable, CaseIterable, Codable {
    /// The first ten elements.
    case firstTen = 0
    /// One value: the sum of the elements' absolute values.
    case absoluteSum = 1
    /// All elements.
    case all = 2
}

extension DumpLevel: ExpressibleByIntegerLiteral {
    /// The level of a number; every number other than 0 and 1 stands for all elements, as in the device's software.
    public init(integerLiteral value: Int) {
        self = DumpLevel(rawValue: value) ?? .all
    }
}
