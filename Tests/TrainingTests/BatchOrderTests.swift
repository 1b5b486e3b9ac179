import Testing

@testable import Training

@Suite struct BatchOrderTests {
    @Test func everyEpochIsAPermutationOfItsOwn() {
        let order = BatchOrder(sampleCount: 103, batchSize: 10, seed: 7)
        #expect(order.stepsPerEpoch == 10)
        var seen: Set<[Int]> = []
        for epoch in 0..<4 {
            let samples = order.samples(epoch: epoch)
            #expect(samples.sorted() == Array(0..<103))
            seen.insert(samples)
            let steps = (0..<10).flatMap { order.samples(epoch: epoch, step: $0) }
            #expect(steps == Array(samples.prefix(100)))
        }
        #expect(seen.count == 4)
        #expect(BatchOrder(sampleCount: 103, batchSize: 10, seed: 8).samples(epoch: 0) != order.samples(epoch: 0))
    }

    @Test func keepsThePartialBatchWhenAsked() {
        let order = BatchOrder(sampleCount: 7, batchSize: 3, seed: 1, dropsPartialBatch: false)
        #expect(order.stepsPerEpoch == 3)
        #expect((0..<3).map { order.samples(epoch: 2, step: $0).count } == [3, 3, 1])
        let plain = BatchOrder(sampleCount: 7, batchSize: 3, seed: 1, dropsPartialBatch: false, shuffles: false)
        #expect(plain.samples(epoch: 2, step: 1) == [3, 4, 5])
    }

    /// The order is part of what a seed means: it must not change with a version.
    @Test func theOrderIsKnown() {
        #expect(BatchOrder(sampleCount: 8, batchSize: 2, seed: 42).samples(epoch: 0) == Self.known)
    }

    /// Computed with Python from the documented definition.
    private static let known = [6, 3, 5, 2, 0, 7, 1, 4]
}
