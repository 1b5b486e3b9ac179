import Synchronization

/// A sum that closures add to.
final class Counter: Sendable {
    private let sum = Atomic<Int>(0)

    var value: Int { sum.load(ordering: .relaxed) }

    func add(_ number: Int) {
        sum.add(number, ordering: .relaxed)
    }
}
