import TestSupport
import Testing

@testable import CoordinatorService

@Suite struct ReductionTreeTests {
    @Test func theTreeDoesNotDependOnTheOrderOfArrival() throws {
        var generator = SeededGenerator(seed: 9)
        for count in 1...33 {
            var expected: String?
            for _ in 0..<10 {
                var tree = ReductionTree<String>(count: count)
                for index in (0..<count).shuffled(using: &generator) {
                    #expect(tree.root == nil)
                    // Neither commutative nor associative.
                    try tree.insert("\(index)", at: index) { "(\($0) \($1))" }
                }
                #expect(expected == nil || tree.root == expected, "\(count) values")
                #expect(tree.waitingCount == 0)
                expected = tree.root
            }
        }
    }

    @Test func valuesInOrderNeedLittleMemory() throws {
        var tree = ReductionTree<Int>(count: 1000)
        var most = 0
        for index in 0..<1000 {
            try tree.insert(index, at: index) { $0 + $1 }
            most = max(most, tree.waitingCount)
        }
        #expect(tree.root == 499_500 && most <= 10)
    }
}
