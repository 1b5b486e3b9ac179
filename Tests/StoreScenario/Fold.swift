/// Statistics of a test: the leaves that went into them, in the order of the merges, so that a leaf that is counted twice, not
/// at all or in the wrong order is seen.
public struct Fold: Hashable, Sendable {
    /// The leaves.
    public var leaves: [UInt32]
    /// Number of bytes of the encoding, unless the leaves need more.
    public var size: Int

    /// The statistics of one shard.
    public init(leaf: Int, size: Int) {
        leaves = [UInt32(leaf)]
        self.size = size
    }

    /// Reads statistics.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count >= 4 else { return nil }
        let count = Int(Self.word(bytes, 0))
        guard bytes.count >= 4 + 4 * count else { return nil }
        leaves = (0..<count).map { Self.word(bytes, 4 + 4 * $0) }
        size = bytes.count
        guard self.bytes == bytes else { return nil }
    }

    /// Merges two statistics, the lower one first.
    public static func merge(_ lower: Fold, _ upper: Fold) -> Fold {
        var merged = lower
        merged.leaves += upper.leaves
        merged.size = max(lower.size, upper.size)
        return merged
    }

    /// The bytes: the leaves, then filling that depends on them.
    public var bytes: [UInt8] {
        var bytes = Self.bytes(UInt32(leaves.count))
        for leaf in leaves { bytes += Self.bytes(leaf) }
        let first = leaves.first ?? 0
        while bytes.count < size { bytes.append(UInt8(truncatingIfNeeded: UInt32(bytes.count) &* 31 &+ first)) }
        return bytes
    }

    private static func bytes(_ word: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) }
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
    }
}
