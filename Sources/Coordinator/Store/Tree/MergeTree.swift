/// Merges values along the fixed tree over their indices, each pair as soon as both are there.
///
/// Whatever the merge does, the root depends on the values alone and not on the order in which they come. It is a value:
/// keep a copy, insert into it, and take the copy's place when the step is durable.
public struct MergeTree<Value: Sendable>: Sendable {
    /// What an insertion did to the nodes that are kept.
    public struct Step: Sendable {
        /// Nodes that were merged and are no longer kept.
        public var removed: [TreePosition]
        /// The node that is kept now.
        public var position: TreePosition
        /// Its value.
        public var value: Value
    }

    /// The shape.
    public let shape: TreeShape
    /// Looked up by position, never iterated in an order that matters.
    private var nodes: [TreePosition: Value] = [:]

    /// A tree without values.
    ///
    /// - Precondition: `count` is positive.
    public init(count: Int) {
        shape = TreeShape(count: count)
    }

    /// A tree that goes on from nodes that were kept.
    ///
    /// - Throws: When these nodes cannot stand in one tree of `count` leaves.
    public init(count: Int, nodes: [TreePosition: Value]) throws(MergeTreeError) {
        self.init(count: count)
        try shape.check(nodes.keys.sorted())
        self.nodes = nodes
    }

    /// The nodes that are kept, in order.
    public var positions: [TreePosition] { nodes.keys.sorted() }

    /// The value of the whole, once every index was inserted.
    public var root: Value? { nodes[shape.root] }

    /// The value of a node that is kept.
    public func value(at position: TreePosition) -> Value? { nodes[position] }

    /// Whether an index was inserted.
    public func contains(_ index: Int) -> Bool {
        var position = shape.leaf(index)
        while nodes[position] == nil {
            guard position != shape.root else { return false }
            position = shape.parent(of: position)
        }
        return true
    }

    /// Adds the value of an index and merges what can be merged.
    ///
    /// - Throws: When the index does not exist or was added before, or what `merge` throws; the tree is then unchanged.
    public mutating func insert(
        _ value: Value, at index: Int, merge: (_ lower: Value, _ upper: Value) throws -> Value
    ) throws -> Step {
        guard (0..<shape.count).contains(index) else { throw MergeTreeError.outside(index, count: shape.count) }
        guard !contains(index) else { throw MergeTreeError.repeated(index) }
        var step = Step(removed: [], position: shape.leaf(index), value: value)
        while let neighbour = shape.neighbour(of: step.position), let other = nodes[neighbour] {
            step.value =
                neighbour.index > step.position.index ? try merge(step.value, other) : try merge(other, step.value)
            step.removed.append(neighbour)
            step.position = shape.parent(of: step.position)
        }
        for position in step.removed { nodes[position] = nil }
        nodes[step.position] = step.value
        return step
    }
}

/// Why nodes or values do not fit a tree.
public enum MergeTreeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The tree has no such leaf.
    case outside(Int, count: Int)
    /// The leaf was added before.
    case repeated(Int)
    /// The tree keeps nothing under this position.
    case position(TreePosition, count: Int)
    /// Two nodes have leaves in common.
    case overlap(TreePosition, TreePosition)
    /// Two nodes that should have been merged.
    case unmerged(TreePosition, TreePosition)

    /// The node and the reason.
    public var description: String {
        switch self {
        case .outside(let index, let count): "there is no shard \(index) among \(count)"
        case .repeated(let index): "shard \(index) is merged already"
        case .position(let position, let count): "a tree of \(count) shards keeps nothing at \(position)"
        case .overlap(let first, let second): "the nodes at \(first) and \(second) have shards in common"
        case .unmerged(let first, let second): "the nodes at \(first) and \(second) are both there and not merged"
        }
    }
}

extension TreeShape {
    /// Checks that nodes, in order, can be kept together.
    func check(_ positions: [TreePosition]) throws(MergeTreeError) {
        let known = Set(positions)
        for position in positions {
            guard isStorable(position) else { throw .position(position, count: count) }
            if let neighbour = neighbour(of: position), known.contains(neighbour) {
                throw .unmerged(position, neighbour)
            }
            var ancestor = position
            while ancestor != root {
                ancestor = parent(of: ancestor)
                if known.contains(ancestor) { throw .overlap(position, ancestor) }
            }
        }
    }
}
