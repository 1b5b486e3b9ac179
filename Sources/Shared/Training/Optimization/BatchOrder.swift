/// Which samples each step of training takes, a function of seed, epoch and step alone.
///
/// The order of an epoch is the Fisher-Yates shuffle of 0..<count: for i from count - 1 down to 1, elements i and j are
/// exchanged, j drawn uniformly from 0...i. The generator is SplitMix64 with the state `mix(seed + mix(epoch + 1))`, where mix is
/// its output function and additions wrap; numbers below n are drawn by rejecting the upper end of the 64-bit range.
public struct BatchOrder: Sendable, Hashable, Codable {
    /// Number of samples.
    public let sampleCount: Int
    /// Samples of one step.
    public let batchSize: Int
    /// Names the order.
    public let seed: UInt64
    /// Whether samples that do not fill the last batch of an epoch are left out.
    public let dropsPartialBatch: Bool
    /// Whether samples are shuffled at all.
    public let shuffles: Bool

    /// Makes an order.
    ///
    /// - Precondition: There is at least one sample, `batchSize` is at least 1, and an epoch has at least one batch.
    public init(
        sampleCount: Int, batchSize: Int, seed: UInt64, dropsPartialBatch: Bool = true, shuffles: Bool = true
    ) {
        precondition(sampleCount >= 1 && batchSize >= 1, "\(sampleCount) samples in batches of \(batchSize)")
        precondition(
            !dropsPartialBatch || sampleCount >= batchSize, "\(sampleCount) samples fill no batch of \(batchSize)")
        self.sampleCount = sampleCount
        self.batchSize = batchSize
        self.seed = seed
        self.dropsPartialBatch = dropsPartialBatch
        self.shuffles = shuffles
    }

    /// Number of steps of an epoch.
    public var stepsPerEpoch: Int {
        dropsPartialBatch ? sampleCount / batchSize : (sampleCount + batchSize - 1) / batchSize
    }

    /// The order of an epoch's samples.
    public func samples(epoch: Int) -> [Int] {
        var order = Array(0..<sampleCount)
        guard shuffles else { return order }
        var generator = SplitMix64(
            state: SplitMix64.mix(seed &+ SplitMix64.mix(UInt64(truncatingIfNeeded: epoch) &+ 1)))
        for last in stride(from: sampleCount - 1, through: 1, by: -1) {
            order.swapAt(last, generator.below(last + 1))
        }
        return order
    }

    /// The samples of step `step` of an epoch.
    ///
    /// - Precondition: `step` is below `stepsPerEpoch`.
    public func samples(epoch: Int, step: Int) -> [Int] {
        precondition((0..<stepsPerEpoch).contains(step), "Step \(step) of \(stepsPerEpoch)")
        return Array(samples(epoch: epoch)[step * batchSize..<min((step + 1) * batchSize, sampleCount)])
    }
}
