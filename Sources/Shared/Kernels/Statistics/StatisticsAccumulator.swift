internal import CKernels
public import Quantization

/// Gathers the statistics of one tensor, batch by batch, on one thread.
///
/// Between `beginBatch` and `endBatch` elements may arrive in any number of pieces and in any order. A call allocates
/// nothing, except when the histogram has to move because the range grew.
public final class StatisticsAccumulator {
    private let variant: StatisticsVariant
    private let window: HistogramWindow?
    private var counts = ElementCounts()
    private var range: TensorRange?
    private var batches: [BatchRange] = []
    private var batchIndex: UInt64?
    private var batch = StatisticsAccumulator.emptySummary
    private var batchElementCount: UInt64 = 0

    /// Makes an accumulator that has seen nothing.
    ///
    /// - Parameters:
    ///   - collectsHistogram: Whether values are counted in bins too, which costs five to ten times as much.
    ///   - variant: The instructions to use; the result does not depend on them.
    public init(collectsHistogram: Bool, variant: StatisticsVariant = .fastest) {
        precondition(variant.isSupported, "This machine cannot run \(variant)")
        self.variant = variant
        window = collectsHistogram ? HistogramWindow() : nil
    }

    /// Begins a batch of the job.
    ///
    /// - Precondition: No batch is open.
    public func beginBatch(_ index: UInt64) {
        precondition(batchIndex == nil, "Batch \(index) begins inside of another")
        batchIndex = index
        batch = Self.emptySummary
        batchElementCount = 0
    }

    /// Adds elements of the tensor to the open batch.
    ///
    /// - Precondition: A batch is open.
    public func observe(_ elements: Span<Float>) {
        precondition(batchIndex != nil, "Elements outside of a batch")
        batchElementCount += UInt64(elements.count)
        unsafe elements.withUnsafeBufferPointer { buffer in
            guard let window else { return unsafe summarize(buffer) }
            var rest = unsafe buffer
            while true {
                let counted = unsafe window.count(rest, summary: &batch, variant: variant)
                unsafe rest = UnsafeBufferPointer(rebasing: rest.dropFirst(counted))
                if rest.isEmpty { return }
                // Looking at all the rest first moves the window at most once per call.
                guard let covered = unsafe rangeIncluding(rest) else { return unsafe summarize(rest) }
                window.cover(covered, variant: variant)
            }
        }
    }

    /// Ends the open batch.
    ///
    /// - Precondition: A batch is open.
    public func endBatch() {
        guard let index = batchIndex else { preconditionFailure("No batch to end") }
        let batchRange = Self.range(of: batch)
        batches.append(BatchRange(batchIndex: index, range: batchRange))
        range = TensorRange.union(range, batchRange)
        counts.total += batchElementCount
        counts.zeros += batch.zeros
        counts.nans += batch.nans
        counts.positiveInfinities += batch.positive_infinities
        counts.negativeInfinities += batch.negative_infinities
        batchIndex = nil
    }

    /// The statistics of all batches.
    ///
    /// - Precondition: No batch is open.
    /// - Throws: When a batch index was used twice.
    public func finish() throws(TensorStatisticsError) -> TensorStatistics {
        precondition(batchIndex == nil, "A batch is still open")
        return try TensorStatistics(
            counts: counts, range: range, histogram: window?.histogram(variant: variant),
            batches: batches.sorted { $0.batchIndex < $1.batchIndex })
    }

    private static var emptySummary: tare_statistics_summary {
        tare_statistics_summary(
            minimum: .infinity, maximum: -.infinity, zeros: 0, nans: 0, positive_infinities: 0, negative_infinities: 0)
    }

    private static func range(of summary: tare_statistics_summary) -> TensorRange? {
        TensorRange(checking: summary.minimum, summary.maximum)
    }

    private func summarize(_ elements: UnsafeBufferPointer<Float>) {
        unsafe tare_statistics_summarize(variant.kernel, elements.baseAddress, elements.count, &batch)
    }

    /// The range of everything seen so far and of `elements`; `nil` when nothing of it is finite.
    private func rangeIncluding(_ elements: UnsafeBufferPointer<Float>) -> TensorRange? {
        var ahead = batch
        unsafe tare_statistics_summarize(variant.kernel, elements.baseAddress, elements.count, &ahead)
        return TensorRange.union(range, Self.range(of: ahead))
    }
}
