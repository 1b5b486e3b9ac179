/// A node of the tree along which the statistics of shards are merged.
public struct TreePosition: Hashable, Sendable {
    /// Distance from the shards, whose level is 0.
    public var level: Int
    /// Place in the level, from 0.
    public var index: Int

    /// Names a node.
    public init(level: Int, index: Int) {
        self.level = level
        self.index = index
    }
}

extension TreePosition: Comparable {
    /// Orders nodes by level, then by place.
    public static func < (left: TreePosition, right: TreePosition) -> Bool {
        (left.level, left.index) < (right.level, right.index)
    }
}

extension TreePosition: CustomStringConvertible {
    /// Level and place.
    public var description: String { "level \(level), index \(index)" }
}

/// The shape of the tree, a function of the number of shards alone.
///
/// Leaf i is shard i; node (level l, index k) merges nodes (l-1, 2k) and (l-1, 2k+1). A node without a right neighbour at
/// its level stands for its parent too; it is named by the highest position that it stands for.
public struct TreeShape: Hashable, Sendable {
    /// Number of leaves.
    public let count: Int
    /// The position of the whole.
    public let root: TreePosition

    /// The tree of `count` leaves.
    ///
    /// - Precondition: `count` is positive.
    public init(count: Int) {
        precondition(count > 0, "A tree of nothing")
        self.count = count
        var level = 0
        while Self.width(count, level) > 1 { level += 1 }
        root = TreePosition(level: level, index: 0)
    }

    /// Number of positions in a level.
    private static func width(_ count: Int, _ level: Int) -> Int {
        (count - 1) >> level + 1
    }

    /// The leaves below a node; `nil` when the tree has no such node.
    public func leaves(of position: TreePosition) -> Range<Int>? {
        guard (0...root.level).contains(position.level), position.index >= 0,
            position.index < Self.width(count, position.level)
        else { return nil }
        let first = position.index << position.level
        return first..<min(first + 1 << position.level, count)
    }

    /// The node that a node is merged with; `nil` for the root and for a node without a neighbour.
    public func neighbour(of position: TreePosition) -> TreePosition? {
        let index = position.index ^ 1
        guard position.level < root.level, index < Self.width(count, position.level) else { return nil }
        return TreePosition(level: position.level, index: index)
    }

    /// The node that arises from a node and its neighbour.
    func parent(of position: TreePosition) -> TreePosition {
        lifted(TreePosition(level: position.level + 1, index: position.index / 2))
    }

    /// The highest position that a node stands for.
    func lifted(_ position: TreePosition) -> TreePosition {
        var position = position
        while position.level < root.level, neighbour(of: position) == nil {
            position = TreePosition(level: position.level + 1, index: position.index / 2)
        }
        return position
    }

    /// The position under which a leaf is kept.
    public func leaf(_ index: Int) -> TreePosition {
        lifted(TreePosition(level: 0, index: index))
    }

    /// Whether a node may be kept under this position.
    public func isStorable(_ position: TreePosition) -> Bool {
        leaves(of: position) != nil && lifted(position) == position
    }
}
