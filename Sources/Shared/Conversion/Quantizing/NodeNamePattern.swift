/// A pattern of node names, in which `*` stands for any characters (also none) and `?` for any one.
///
/// All other characters stand for themselves, slashes, dots and brackets too, because node names contain them.
public struct NodeNamePattern: Sendable, Hashable {
    /// The pattern as it was written.
    public let text: String

    /// Makes a pattern.
    public init(_ text: String) {
        self.text = text
    }

    /// Whether the whole name fits the pattern.
    public func matches(_ name: String) -> Bool {
        let pattern = Array(text)
        let name = Array(name)
        var (patternIndex, nameIndex) = (0, 0)
        // Where to go on when the text after the last star does not fit: one more character belongs to the star.
        var resume: (pattern: Int, name: Int)?
        while nameIndex < name.count {
            if patternIndex < pattern.count, pattern[patternIndex] == "*" {
                resume = (patternIndex + 1, nameIndex)
                patternIndex += 1
            } else if patternIndex < pattern.count,
                pattern[patternIndex] == "?" || pattern[patternIndex] == name[nameIndex]
            {
                patternIndex += 1
                nameIndex += 1
            } else if let last = resume {
                resume = (last.pattern, last.name + 1)
                (patternIndex, nameIndex) = (last.pattern, last.name + 1)
            } else {
                return false
            }
        }
        return pattern[patternIndex...].allSatisfy { $0 == "*" }
    }
}
