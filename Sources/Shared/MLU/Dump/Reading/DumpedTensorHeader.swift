public import Tensors

/// The first line of a tensor in a dump.
public struct DumpedTensorHeader: Sendable, Hashable {
    /// The element type as PyTorch calls it.
    public var typeName: String
    /// The extents.
    public var shape: Shape
    /// How many values follow.
    public var dumpedCount: Int

    /// The headers of tensors without values.
    static let withoutValues = ["Tensor : Type = Empty", "Tensor : Type = Undefined"]

    /// Reads a line.
    ///
    /// Dumps of the device's software at some versions have the strides between shape and count; they are skipped.
    ///
    /// - Returns: `nil` when the line is no tensor's header, or of a tensor without values.
    init?(_ line: String) {
        let parts = line.components(between: " : ")
        guard parts.first == "Tensor", parts.count >= 4, parts.count <= 5 else { return nil }
        guard let type = parts[1].value(of: "Type"), let extents = parts[2].value(of: "Shape"),
            let shape = Self.shape(extents),
            let count = parts[parts.count - 1].value(of: "Dumped").flatMap({ Int($0) }),
            parts.count == 4 || parts[3].value(of: "Stride") != nil
        else { return nil }
        guard count == shape.elementCount || count == min(10, shape.elementCount) || count == 1, count > 0 else {
            return nil
        }
        typeName = String(type)
        self.shape = shape
        dumpedCount = count
    }

    private static func shape(_ text: Substring) -> Shape? {
        guard text.first == "[", text.last == "]", text.utf8.count >= 2 else { return nil }
        let inner = text.dropFirst().dropLast()
        guard !inner.isEmpty else { return Shape(checking: []) }
        var extents: [Int] = []
        for part in String(inner).components(between: ", ") {
            guard let extent = Int(part), extent > 0 else { return nil }
            extents.append(extent)
        }
        return Shape(checking: extents)
    }

    /// What the values are of a tensor in a dump of a level.
    ///
    /// - Parameter level: The dump's level; `nil` when it cannot be told.
    /// - Returns: What they stand for; a single element of a dump of sums is a sum.
    func coverage(level: DumpLevel?) -> DumpCoverage {
        if shape.elementCount == 1 { return level == .absoluteSum ? .absoluteSum : .all }
        if dumpedCount == shape.elementCount { return .all }
        return dumpedCount == 1 ? .absoluteSum : .firstValues
    }

    /// The level that a dump with such a tensor has; `nil` when it could have several.
    var level: DumpLevel? {
        let count = shape.elementCount
        if count > 1, dumpedCount == 1 { return .absoluteSum }
        if count > 10 { return dumpedCount == count ? .all : .firstTen }
        return nil
    }
}

/// What a tensor's values in a dump stand for.
public enum DumpCoverage: String, Sendable, Hashable, Codable, CaseIterable {
    /// Every element.
    case all
    /// The first ten elements: level 0.
    case firstValues
    /// The sum of absolute values: level 1.
    case absoluteSum
}

extension StringProtocol {
    /// The parts between the separators.
    fileprivate func components(between separator: String) -> [Substring] {
        var parts: [Substring] = []
        var rest = Substring(self)
        while let range = rest.firstRange(of: separator) {
            parts.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return parts + [rest]
    }

    /// The text behind `name = `.
    fileprivate func value(of name: String) -> Substring? {
        hasPrefix(name + " = ") ? Substring(dropFirst(name.count + 3)) : nil
    }
}
