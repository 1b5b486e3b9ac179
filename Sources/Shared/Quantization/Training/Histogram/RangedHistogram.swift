/// A histogram over a range that widens from batch to batch, with the numbers of MegEngine or PyTorch.
///
/// MegEngine: its `HistogramObserver` of release 1.13. PyTorch: that of release 2.3 and later, which divides bins by 16 (older ones
/// divide by 128 or 384 and widen the range upwards); its `upsample_rate` is that of the specification here.
///
/// The counts depend on the order of the batches: when the range widens, those of old bins are divided.
public struct RangedHistogram: Sendable, Hashable {
    /// The range, and how it goes on.
    public private(set) var ranges: HistogramRanges
    /// Number of values in each bin, not always whole; zeros before the first batch.
    public private(set) var counts: [Float]

    /// Makes a histogram that has seen nothing.
    public init(_ ranges: HistogramRanges) {
        self.ranges = ranges
        counts = [Float](repeating: 0, count: ranges.binCount)
    }

    /// Makes a histogram from its parts.
    ///
    /// - Precondition: There is a count for each bin.
    init(_ ranges: HistogramRanges, counts: [Float]) {
        precondition(counts.count == ranges.binCount, "\(counts.count) counts of \(ranges.binCount) bins")
        self.ranges = ranges
        self.counts = counts
    }

    /// Makes the histogram of a sequence of batches from its counts; `nil` unless there is one for each bin and each is a number that
    /// is not negative.
    ///
    /// - Parameters:
    ///   - rule: Whose histogram it is.
    ///   - batches: The batches' extremes in their order; `nil` for those without a finite element.
    ///   - counts: Number of values in each bin.
    public init?(_ rule: HistogramRule, batches: [TensorRange?], counts: [Float]) {
        guard counts.count == rule.binCount, counts.allSatisfy({ $0 >= 0 && $0.isFinite }) else { return nil }
        var ranges = rule.ranges
        for case let batch? in batches { _ = ranges.advance(to: batch) }
        self.init(ranges, counts: counts)
    }

    /// Whose histogram it is; `nil` for the form `exact`.
    public var rule: HistogramRule? {
        HistogramRule(form: ranges.form, binCount: ranges.binCount, upsampleRate: ranges.upsampleRate)
    }

    /// The bins that a batch with these extremes is counted in, if it is the next.
    public func bins(for batch: TensorRange) -> HistogramBins {
        var ranges = ranges
        return ranges.advance(to: batch).bins
    }

    /// Adds a batch that was counted in `bins(for:)`.
    ///
    /// - Precondition: There is a count for each bin.
    public mutating func add(_ batch: TensorRange, counts new: [UInt64]) {
        precondition(new.count == ranges.binCount, "\(new.count) counts of \(ranges.binCount) bins")
        let step = ranges.advance(to: batch)
        let old: [Double]
        switch step.placement {
        case .first: old = [Double](repeating: 0, count: new.count)
        case .unchanged: old = counts.map { Double($0) }
        case .point(let value):
            var moved = [Double](repeating: 0, count: new.count)
            moved[step.bins.bin(of: value)] = counts.reduce(0) { $0 + Double($1) }
            old = moved
        case .resampled(let rate, let offset): old = resampled(rate: rate, offset: offset)
        case .redistributed(let range): old = redistributed(from: range, to: step.bins)
        }
        counts = zip(new, old).map { Float(Double($0) + $1) }
    }

    /// The part of each new bin: the difference of the sums of all parts up to its ends.
    private func resampled(rate: Int, offset: Int) -> [Double] {
        var sums = [0.0]
        for count in counts { sums.append(sums[sums.count - 1] + Double(count)) }
        let parts = ranges.upsampleRate
        /// The sum of the counts of all parts before one of the new range, each part with the count of its whole bin.
        func sum(before part: Int) -> Double {
            let own = min(max(part - offset, 0), counts.count * parts)
            let (bin, rest) = own.quotientAndRemainder(dividingBy: parts)
            return sums[bin] * Double(parts) + (rest == 0 ? 0 : Double(counts[bin]) * Double(rest))
        }
        // The numbers become `Float` before they are added to the new counts, as upstream's.
        return counts.indices.map { bin in
            Double(Float((sum(before: (bin + 1) * rate) - sum(before: bin * rate)) / Double(parts)))
        }
    }

    private func redistributed(from range: TensorRange, to bins: HistogramBins) -> [Double] {
        let parts = ranges.upsampleRate
        let edges = bins.edges
        let half = 0.5 * ((range.maximum - range.minimum) / Float(counts.count * parts))
        let starts = HistogramBins.linspace(range.minimum, range.maximum, count: counts.count * parts + 1)
        var result = [Double](repeating: 0, count: counts.count)
        var bin = 0
        for part in 0..<counts.count * parts {
            let middle = starts[part] + half
            while bin < counts.count - 1, edges[bin + 1] <= middle { bin += 1 }
            result[bin] += Double(counts[part / parts] / Float(parts))
        }
        return result.map { Double(Float($0)) }
    }
}
