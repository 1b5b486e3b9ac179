/// Which iterations are dumped, for example `0-3,7`.
public struct DumpIterations: Sendable, Hashable {
    /// The ranges as they were written; they may overlap.
    public let ranges: [ClosedRange<Int>]

    /// Reads numbers and ranges of numbers, with commas between them.
    ///
    /// - Throws: `DumpError.iterations` for anything else; numbers have at most nine digits.
    public init(parsing text: String) throws(DumpError) {
        var ranges: [ClosedRange<Int>] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Self.number($0) }
            guard let first = ends.first, let last = ends.last, ends.count <= 2, let first, let last, first <= last
            else { throw .iterations(text) }
            ranges.append(first...last)
        }
        self.ranges = ranges
    }

    private static func number(_ text: Substring) -> Int? {
        let text = text.trimmingPrefix { $0 == " " }
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    /// Whether this iteration, counted from 0, is dumped.
    public func contains(_ iteration: Int) -> Bool {
        ranges.contains { $0.contains(iteration) }
    }
}

extension DumpIterations: CustomStringConvertible {
    /// The text that gives these iterations.
    public var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }
}
