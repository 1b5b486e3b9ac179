/// The ranges that a histogram of MegEngine or PyTorch has batch after batch: a function of the batches' extremes alone.
///
/// So a cluster needs two passes and no order of its own: the extremes of all batches first, then every batch counted alone in the
/// range of its step. `RangedHistogram` adds the counts in the order of the batches, which gives what one process would have.
public struct HistogramRanges: Sendable, Hashable {
    /// MegEngine's or PyTorch's; `exact` has no ranges.
    public let form: ObserverSpecification.HistogramForm
    /// Number of bins.
    public let binCount: Int
    /// How finely a bin is divided when counts move to another range.
    public let upsampleRate: Int
    /// The range so far; `nil` before the first batch.
    public private(set) var range: TensorRange?

    /// Makes the ranges of a histogram that has seen nothing, or of one that has a range already.
    ///
    /// - Precondition: There is at least one bin, and the rate is positive.
    public init(
        form: ObserverSpecification.HistogramForm, binCount: Int, upsampleRate: Int, range: TensorRange? = nil
    ) {
        precondition(binCount > 0 && upsampleRate > 0, "\(binCount) bins, divided by \(upsampleRate)")
        self.form = form
        self.binCount = binCount
        self.upsampleRate = upsampleRate
        self.range = range
    }

    /// Takes in the extremes of the next batch, and says how it is to be counted.
    public mutating func advance(to batch: TensorRange) -> HistogramStep {
        let step = step(to: batch)
        range = step.bins.range
        return step
    }

    /// The steps of a sequence of batches; `nil` for those without a finite element.
    public func steps(through batches: [TensorRange?]) -> [HistogramStep?] {
        var ranges = self
        return batches.map { batch in batch.map { ranges.advance(to: $0) } }
    }

    private func step(to batch: TensorRange) -> HistogramStep {
        guard let range else { return step(batch, .first) }
        let union = range.union(batch)
        // Upstream looks for a common grid even if nothing widens; with powers of two it always finds the same one.
        if form == .megengine, let step = widened(union, from: range) { return step }
        if union == range { return step(union, .unchanged) }
        guard form == .torch, range.minimum < range.maximum else { return step(union, .point(range.minimum)) }
        return step(union, .redistributed(from: range))
    }

    private func step(_ range: TensorRange, _ placement: HistogramStep.Placement) -> HistogramStep {
        HistogramStep(bins: HistogramBins(range: range, count: binCount, form: form), placement: placement)
    }

    /// Widens the range on both sides until its bins are a whole number of divided bins of the old range; all in `Float`.
    ///
    /// - Returns: `nil` when the old range is so narrow that the numbers overflow: it is a point in the new one.
    private func widened(_ union: TensorRange, from old: TensorRange) -> HistogramStep? {
        let bins = Float(binCount)
        let fine = (old.maximum - old.minimum) / Float(binCount * upsampleRate)
        let width = union.maximum - union.minimum
        let rate = (width / (bins * fine)).rounded(.up)
        guard fine > 0, width.isFinite, rate < 0x1p31 else { return nil }
        let excess = rate * (bins * fine) - width
        let (minimum, maximum) = (union.minimum - excess / 2, union.maximum + excess / 2)
        let offset = ((old.minimum - minimum) / fine).rounded(.toNearestOrEven)
        guard let range = TensorRange(checking: minimum, maximum), offset.magnitude < 0x1p62 else { return nil }
        if range == old { return step(range, .unchanged) }
        // Rounded numbers may put the old bins a little outside.
        let last = Int(rate) * binCount - upsampleRate * binCount
        let start = min(max(Int(offset), 0), max(last, 0))
        return step(range, .resampled(rate: Int(rate), offset: start))
    }
}

/// How one batch is counted, and where the counts of the batches before go.
public struct HistogramStep: Sendable, Hashable {
    /// Where the counts of the batches before go.
    public enum Placement: Sendable, Hashable {
        /// There are none.
        case first
        /// To the same bins.
        case unchanged
        /// All to the bin of this value.
        case point(Float)
        /// MegEngine: each old bin is divided into as many parts as the upsampling rate says, the first of which is part `offset` of
        /// the new range; `rate` parts make a new bin.
        case resampled(rate: Int, offset: Int)
        /// PyTorch: each old bin is divided likewise, and each part goes to the new bin that its middle lies in.
        case redistributed(from: TensorRange)
    }

    /// The bins that the batch is counted in.
    public let bins: HistogramBins
    /// Where the counts of the batches before go.
    public let placement: Placement
}
