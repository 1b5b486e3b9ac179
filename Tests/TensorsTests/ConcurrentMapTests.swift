import Tensors
import Testing

@Suite struct ConcurrentMapTests {
    private struct Refusal: Error, Equatable {
        let index: Int
    }

    @Test func resultsKeepTheOrderOfTheElements() {
        let squares = Array(0..<1_000).concurrentMap { $0 * $0 }
        #expect(squares == (0..<1_000).map { $0 * $0 })
        #expect([Int]().concurrentMap { $0 }.isEmpty)
        #expect([7].concurrentMap { $0 + 1 } == [8])
    }

    @Test func theFirstErrorInOrderIsThrown() {
        let expected = Refusal(index: 3)
        #expect(throws: expected) {
            try Array(0..<100).concurrentMap { (index: Int) throws(Refusal) in
                if index >= 3 { throw Refusal(index: index) }
            }
        }
    }
}
