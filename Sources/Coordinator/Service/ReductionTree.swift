/// Merges values along a fixed binary tree over their indices, each pair as soon as both are there.
struct ReductionTree<Value: Sendable>: Sendable {
    private struct Position: Hashable {
        var level: Int
        var index: Int
    }

    private let count: Int
    /// Looked up by position, never iterated.
    private var waiting: [Position: Value] = [:]
    /// The value of the whole, once every index was inserted.
    private(set) var root: Value?

    init(count: Int) {
        precondition(count > 0, "A reduction of nothing")
        self.count = count
    }

    /// Adds the value of an index that was not added before.
    mutating func insert(_ value: Value, at index: Int, merge: (Value, Value) throws -> Value) throws {
        var position = Position(level: 0, index: index)
        var value = value
        var width = count
        while width > 1 {
            let neighbour = Position(level: position.level, index: position.index ^ 1)
            if neighbour.index < width {
                guard let other = waiting.removeValue(forKey: neighbour) else {
                    waiting[position] = value
                    return
                }
                value = try position.index & 1 == 0 ? merge(value, other) : merge(other, value)
            }
            position = Position(level: position.level + 1, index: position.index / 2)
            width = (width + 1) / 2
        }
        root = value
    }
}
