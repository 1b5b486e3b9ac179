import StoreScenario
import TestSupport
import Testing

@testable import CoordinatorStore

@Suite struct MergeTreeTests {
    /// Parenthesised merges, so that the shape and the order of each merge are seen.
    private static func merge(_ lower: String, _ upper: String) -> String { "(\(lower)\(upper))" }

    /// The tree by its definition: pairs of neighbours, level by level.
    private static func reference(_ count: Int) -> String {
        var level = (0..<count).map { "\($0)." }
        while level.count > 1 {
            level = stride(from: 0, to: level.count, by: 2).map { index in
                index + 1 < level.count ? merge(level[index], level[index + 1]) : level[index]
            }
        }
        return level[0]
    }

    @Test(arguments: 1...40) func everyOrderGivesTheTreeOfTheDefinition(count: Int) throws {
        for seed in 0..<UInt64(20) {
            var generator = SeededGenerator(seed: seed)
            var tree = MergeTree<String>(count: count)
            for index in (0..<count).shuffled(using: &generator) {
                #expect(!tree.contains(index) && tree.root == nil)
                _ = try tree.insert("\(index).", at: index, merge: Self.merge)
                #expect(tree.contains(index))
            }
            #expect(tree.root == Self.reference(count), "seed \(seed)")
            #expect(tree.positions == [tree.shape.root])
        }
    }

    @Test func everyPermutationOfSixGivesTheSameRoot() throws {
        func permutations(_ items: [Int]) -> [[Int]] {
            items.count < 2
                ? [items]
                : items.flatMap { item in permutations(items.filter { $0 != item }).map { [item] + $0 } }
        }
        for count in 1...6 {
            for order in permutations(Array(0..<count)) {
                var tree = MergeTree<String>(count: count)
                for index in order { _ = try tree.insert("\(index).", at: index, merge: Self.merge) }
                #expect(tree.root == Self.reference(count), "\(order)")
            }
        }
    }

    @Test func stepsSayWhatIsKeptAndRecoveryGoesOnFromAnyPoint() throws {
        for seed in 0..<UInt64(300) {
            var generator = SeededGenerator(seed: seed)
            let count = Int.random(in: 1...90, using: &generator)
            let order = (0..<count).shuffled(using: &generator)
            let cut = Int.random(in: 0...count, using: &generator)
            var tree = MergeTree<String>(count: count)
            var kept: [TreePosition: String] = [:]
            for index in order[..<cut] {
                let step = try tree.insert("\(index).", at: index, merge: Self.merge)
                for position in step.removed { #expect(kept.removeValue(forKey: position) != nil, "seed \(seed)") }
                kept[step.position] = step.value
                #expect(tree.positions == kept.keys.sorted(), "seed \(seed)")
            }
            let covered = kept.keys.flatMap { tree.shape.leaves(of: $0).map(Array.init) ?? [] }.sorted()
            #expect(covered == order[..<cut].sorted(), "seed \(seed)")
            var recovered = try MergeTree(count: count, nodes: kept)
            for index in order[cut...].shuffled(using: &generator) {
                _ = try recovered.insert("\(index).", at: index, merge: Self.merge)
            }
            #expect(recovered.root == Self.reference(count), "seed \(seed)")
        }
    }

    @Test func runsKeepLogarithmicallyManyNodes() throws {
        var tree = MergeTree<Int>(count: 1000)
        var most = 0
        for index in 0..<1000 {
            _ = try tree.insert(1, at: index, merge: +)
            most = max(most, tree.positions.count)
        }
        #expect(most <= 10)
        #expect(tree.root == 1000)
    }

    @Test func nodesThatContradictEachOtherAreRefused() {
        func error(_ positions: [(Int, Int)], count: Int) -> MergeTreeError? {
            let nodes = positions.map { (TreePosition(level: $0.0, index: $0.1), 0) }
            do throws(MergeTreeError) {
                _ = try MergeTree(count: count, nodes: Dictionary(uniqueKeysWithValues: nodes))
                return nil
            } catch { return error }
        }
        func position(_ level: Int, _ index: Int) -> TreePosition { TreePosition(level: level, index: index) }
        #expect(error([(0, 0), (0, 1)], count: 4) == .unmerged(position(0, 0), position(0, 1)))
        #expect(error([(0, 0), (1, 0)], count: 4) == .overlap(position(0, 0), position(1, 0)))
        // Shard 2 of 3 has no neighbour at level 0: it is kept at level 1.
        #expect(error([(0, 2)], count: 3) == .position(position(0, 2), count: 3))
        #expect(error([(1, 1)], count: 3) == nil)
        #expect(error([(-1, 0)], count: 3) == .position(position(-1, 0), count: 3))
        #expect(error([(0, 9)], count: 3) == .position(position(0, 9), count: 3))
        #expect(error([(70, 0)], count: 3) == .position(position(70, 0), count: 3))
    }

    @Test func aFailedInsertionChangesNothing() throws {
        struct Refusal: Error {}
        var tree = MergeTree<Int>(count: 2)
        _ = try tree.insert(1, at: 0, merge: +)
        #expect(throws: Refusal.self) { _ = try tree.insert(2, at: 1) { _, _ in throw Refusal() } }
        #expect(tree.positions == [TreePosition(level: 0, index: 0)])
        #expect(throws: MergeTreeError.repeated(0)) { _ = try tree.insert(2, at: 0, merge: +) }
        #expect(throws: MergeTreeError.outside(2, count: 2)) { _ = try tree.insert(2, at: 2, merge: +) }
        _ = try tree.insert(2, at: 1, merge: +)
        #expect(tree.root == 3)
    }
}
