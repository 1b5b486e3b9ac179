/// The smallest and the largest finite value of one tensor in one batch.
public struct BatchRange: Sendable, Hashable {
    /// Position of the batch in the job.
    public let batchIndex: UInt64
    /// The range; `nil` when the tensor had no finite element in this batch.
    public let range: TensorRange?

    /// Makes a batch range.
    public init(batchIndex: UInt64, range: TensorRange?) {
        self.batchIndex = batchIndex
        self.range = range
    }
}

/// How many elements of each kind were seen.
public struct ElementCounts: Sendable, Hashable {
    /// All elements, those that are not finite included.
    public var total: UInt64
    /// Elements equal to zero (+0 or -0).
    public var zeros: UInt64
    /// Elements that are not a number.
    public var nans: UInt64
    /// Elements that are +infinity.
    public var positiveInfinities: UInt64
    /// Elements that are -infinity.
    public var negativeInfinities: UInt64

    /// Makes counts.
    public init(
        total: UInt64 = 0, zeros: UInt64 = 0, nans: UInt64 = 0, positiveInfinities: UInt64 = 0,
        negativeInfinities: UInt64 = 0
    ) {
        self.total = total
        self.zeros = zeros
        self.nans = nans
        self.positiveInfinities = positiveInfinities
        self.negativeInfinities = negativeInfinities
    }

    /// Number of finite elements; `nil` when the counts contradict each other.
    var finite: UInt64? {
        var remaining = total
        for part in [nans, positiveInfinities, negativeInfinities] {
            guard part <= remaining else { return nil }
            remaining -= part
        }
        return zeros <= remaining ? remaining : nil
    }

    /// The sum of both; `nil` when the total does not fit 64 bits.
    func adding(_ other: ElementCounts) -> ElementCounts? {
        guard !total.addingReportingOverflow(other.total).overflow else { return nil }
        return ElementCounts(
            total: total + other.total, zeros: zeros + other.zeros, nans: nans + other.nans,
            positiveInfinities: positiveInfinities + other.positiveInfinities,
            negativeInfinities: negativeInfinities + other.negativeInfinities)
    }
}

/// Everything that calibration keeps about one tensor: a pure function of the batches that were observed.
///
/// Merging is exact, associative and commutative: any split of the batches over workers and any order of merges gives
/// equal values. All calibration methods read the same statistics.
public struct TensorStatistics: Sendable, Hashable {
    /// How many elements of each kind were seen.
    public let counts: ElementCounts
    /// The smallest and the largest finite value; `nil` when there was none.
    public let range: TensorRange?
    /// Counts of the finite values; `nil` when no histogram was collected.
    public let histogram: DyadicHistogram?
    /// One record for each observed batch, by increasing batch index.
    public let batches: [BatchRange]
    /// The histogram of MegEngine's or PyTorch's form of all batches in their order; `nil` unless it was counted in a second pass.
    public let rangedHistogram: RangedHistogram?

    /// Statistics of nothing, the neutral element of merging.
    ///
    /// - Parameter collectsHistogram: Whether the statistics merged into it have histograms.
    public init(collectsHistogram: Bool) {
        counts = ElementCounts()
        range = nil
        histogram = collectsHistogram ? DyadicHistogram() : nil
        batches = []
        rangedHistogram = nil
    }

    /// Makes statistics from their parts and checks that they agree with each other.
    public init(
        counts: ElementCounts, range: TensorRange?, histogram: DyadicHistogram?, batches: [BatchRange],
        rangedHistogram: RangedHistogram? = nil
    ) throws(TensorStatisticsError) {
        guard let finite = counts.finite, (finite > 0) == (range != nil) else { throw .inconsistentCounts }
        if let range {
            let containsZero = range.minimum <= 0 && range.maximum >= 0
            let isZero = range.minimum == 0 && range.maximum == 0
            guard counts.zeros == 0 || containsZero, !isZero || counts.zeros == finite else {
                throw .inconsistentCounts
            }
        }
        if let histogram { try Self.check(histogram, against: range, finite: finite) }
        for (previous, next) in zip(batches, batches.dropFirst()) {
            guard previous.batchIndex < next.batchIndex else { throw .batchesNotSorted(next.batchIndex) }
        }
        guard batches.reduce(nil, { TensorRange.union($0, $1.range) }) == range else {
            throw .batchRangesDisagree
        }
        if let rangedHistogram { try Self.check(rangedHistogram, against: batches) }
        self.counts = counts
        self.range = range
        self.histogram = histogram
        self.batches = batches
        self.rangedHistogram = rangedHistogram
    }

    private init(
        mergedCounts counts: ElementCounts, range: TensorRange?, histogram: DyadicHistogram?, batches: [BatchRange]
    ) {
        self.counts = counts
        self.range = range
        self.histogram = histogram
        self.batches = batches
        rangedHistogram = nil
    }

    /// The statistics of the batches of both.
    ///
    /// - Throws: When a batch occurs in both, when only one of them has a histogram, when one has one that depends on the order of
    ///   all batches, or when a count overflows.
    public func merging(_ other: TensorStatistics) throws(TensorStatisticsError) -> TensorStatistics {
        guard rangedHistogram == nil, other.rangedHistogram == nil else { throw .rangedHistogramIsOfTheWhole }
        guard (histogram == nil) == (other.histogram == nil) else { throw .histogramInOneOnly }
        guard let counts = counts.adding(other.counts) else { throw .countOverflow }
        let batches = try Self.merge(batches, other.batches)
        var histogram = histogram
        if let first = histogram, let second = other.histogram { histogram = first.merging(second) }
        return TensorStatistics(
            mergedCounts: counts, range: TensorRange.union(range, other.range), histogram: histogram, batches: batches)
    }

    private static func merge(
        _ left: [BatchRange], _ right: [BatchRange]
    ) throws(TensorStatisticsError) -> [BatchRange] {
        var merged: [BatchRange] = []
        merged.reserveCapacity(left.count + right.count)
        var (i, j) = (0, 0)
        while i < left.count || j < right.count {
            if j == right.count || (i < left.count && left[i].batchIndex < right[j].batchIndex) {
                merged.append(left[i])
                i += 1
            } else if i == left.count || right[j].batchIndex < left[i].batchIndex {
                merged.append(right[j])
                j += 1
            } else {
                throw .duplicateBatch(left[i].batchIndex)
            }
        }
        return merged
    }

    /// The same with the histogram of MegEngine's or PyTorch's form.
    ///
    /// - Parameters:
    ///   - rule: Whose histogram.
    ///   - counts: For each batch the number of elements in each bin of its step, `rule.ranges.steps(through:)`; zeros for a batch
    ///     without a finite element.
    /// - Returns: What else was gathered, with the histogram.
    /// - Throws: When there are not as many counts as batches, or they add up to more than the finite elements.
    public func adding(_ rule: HistogramRule, counts: [[UInt64]]) throws(TensorStatisticsError) -> TensorStatistics {
        guard counts.count == batches.count else { throw .rangedHistogramDisagrees }
        var (ranged, total) = (RangedHistogram(rule.ranges), UInt64(0))
        for (batch, counts) in zip(batches, counts) {
            guard counts.count == rule.binCount else { throw .rangedHistogramDisagrees }
            for count in counts {
                let (sum, overflow) = total.addingReportingOverflow(count)
                guard !overflow, count == 0 || batch.range != nil else { throw .rangedHistogramDisagrees }
                total = sum
            }
            if let range = batch.range { ranged.add(range, counts: counts) }
        }
        // A range that was widened in `Float` may leave an extreme value out.
        guard let finite = self.counts.finite, total <= finite else { throw .rangedHistogramDisagrees }
        return try TensorStatistics(
            counts: self.counts, range: range, histogram: histogram, batches: batches, rangedHistogram: ranged)
    }

    private static func check(
        _ ranged: RangedHistogram, against batches: [BatchRange]
    ) throws(TensorStatisticsError) {
        guard let rule = ranged.rule else { throw .rangedHistogramDisagrees }
        var ranges = rule.ranges
        for case let range? in batches.map(\.range) { _ = ranges.advance(to: range) }
        guard ranges == ranged.ranges else { throw .rangedHistogramDisagrees }
    }

    private static func check(
        _ histogram: DyadicHistogram, against range: TensorRange?, finite: UInt64
    ) throws(TensorStatisticsError) {
        guard histogram.total == finite else { throw .histogramDisagrees }
        guard let range else { return }
        let exponent = DyadicLattice.exponent(covering: range)
        guard histogram.exponent == exponent,
            histogram.firstBin == DyadicLattice.bin(of: range.minimum, exponent: exponent),
            histogram.lastBin == DyadicLattice.bin(of: range.maximum, exponent: exponent)
        else { throw .histogramDisagrees }
    }
}

/// Why statistics were refused or could not be merged.
public enum TensorStatisticsError: Error, Hashable, CustomStringConvertible {
    /// The element counts contradict each other or the range.
    case inconsistentCounts
    /// The histogram does not hold as many values as were finite, or its bins do not reach from minimum to maximum.
    case histogramDisagrees
    /// The batches do not increase at this index.
    case batchesNotSorted(UInt64)
    /// The batches' ranges together are not the tensor's range.
    case batchRangesDisagree
    /// The same batch was counted on both sides.
    case duplicateBatch(UInt64)
    /// One side has a histogram, the other none.
    case histogramInOneOnly
    /// A histogram that depends on the order of all batches is no part that can be merged.
    case rangedHistogramIsOfTheWhole
    /// A histogram that depends on the order of all batches is not that of these batches.
    case rangedHistogramDisagrees
    /// A count exceeds 64 bits.
    case countOverflow

    /// What is wrong.
    public var description: String {
        switch self {
        case .inconsistentCounts: "the element counts contradict each other or the range"
        case .histogramDisagrees: "the histogram disagrees with the number or the range of the finite values"
        case .batchesNotSorted(let index): "batch \(index) is not in increasing order"
        case .batchRangesDisagree: "the batches' ranges together are not the tensor's range"
        case .duplicateBatch(let index): "batch \(index) was counted twice; merge every batch once"
        case .histogramInOneOnly:
            "only one side has a histogram; collect both with the same calibration method"
        case .rangedHistogramIsOfTheWhole:
            "a histogram of MegEngine's or PyTorch's form is that of a whole job; merge the statistics before it is counted"
        case .rangedHistogramDisagrees:
            "the histogram of MegEngine's or PyTorch's form disagrees with the batches or with the number of finite elements"
        case .countOverflow: "more than 2^64 - 1 elements were counted"
        }
    }
}
