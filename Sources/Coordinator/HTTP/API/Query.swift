internal import ControlAPI

/// The part of a request's target behind the question mark: names with whole numbers, each at most once.
struct Query {
    private var values: [String: UInt64] = [:]

    /// Reads a query, in which only the given names may be.
    ///
    /// - Parameters:
    ///   - text: What stands behind the question mark; empty for none.
    ///   - allowed: Names that the route knows.
    /// - Throws: For another name, one that is given twice, or a value that is no number.
    init(_ text: Substring, allowed: [String]) throws(ControlError) {
        guard !text.isEmpty else { return }
        for part in text.split(separator: "&", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard pair.count == 2, allowed.contains(pair[0]) else {
                let known = allowed.isEmpty ? "none is" : allowed.joined(separator: ", ") + " are"
                throw ControlError(.invalid, "The parameter '\(pair[0])' is not known here; \(known) known")
            }
            guard let number = Self.number(pair[1], as: UInt64.self) else {
                throw ControlError(.invalid, "The parameter '\(pair[0])' must be a whole number in digits")
            }
            guard values.updateValue(number, forKey: pair[0]) == nil else {
                throw ControlError(.invalid, "The parameter '\(pair[0])' is given twice")
            }
        }
    }

    /// The value of a name.
    subscript(name: String) -> UInt64? { values[name] }

    /// The page that `offset` and `limit` name.
    var page: Page {
        Page(
            offset: values["offset"].map { Int(clamping: $0) } ?? 0,
            limit: values["limit"].map { Int(clamping: $0) } ?? ControlLimits.defaultPageEntries)
    }

    /// A number in digits alone.
    static func number<Number: FixedWidthInteger>(_ text: String, as type: Number.Type) -> Number? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Number(text)
    }
}
