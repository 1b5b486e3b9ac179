/// Counts of values in bins whose width is a power of two, a pure function of the multiset of values.
///
/// The bins are those of `DyadicLattice`. The exponent is the smallest one that covers the values, and the stored bins
/// reach from the bin of the smallest value to the bin of the largest. Neither depends on the order in which values
/// came or on how they were split, so `merging` is associative and commutative to the bit. Zero is a bin edge; -0 counts
/// as +0.
public struct DyadicHistogram: Sendable, Hashable {
    /// The bin width is 2^exponent; -149 when empty.
    public let exponent: Int
    /// Index of the first stored bin; 0 when empty.
    public let firstBin: Int
    /// Number of values in each bin from `firstBin` on; the first and the last entry are not zero.
    public let counts: [UInt64]

    /// The histogram of no values.
    public init() {
        exponent = DyadicLattice.exponents.lowerBound
        firstBin = 0
        counts = []
    }

    /// Makes a histogram from untrusted parts.
    ///
    /// Whether the exponent is the smallest possible cannot be seen from the bins alone; `TensorStatistics` checks it.
    public init(
        checkingExponent exponent: Int, firstBin: Int, counts: [UInt64]
    ) throws(DyadicHistogramError) {
        guard counts.count <= DyadicLattice.maximumBinCount else { throw .tooManyBins(counts.count) }
        guard DyadicLattice.exponents.contains(exponent) else { throw .exponentOutOfRange(exponent) }
        guard let first = counts.first, let last = counts.last else {
            guard exponent == DyadicLattice.exponents.lowerBound, firstBin == 0 else { throw .notTrimmed }
            self.init()
            return
        }
        guard first > 0, last > 0 else { throw .notTrimmed }
        let (lastBin, overflow) = firstBin.addingReportingOverflow(counts.count - 1)
        guard !overflow, DyadicLattice.fits(first: firstBin, last: lastBin) else {
            throw .binOutOfRange(firstBin)
        }
        var total: UInt64 = 0
        for count in counts {
            let (sum, overflow) = total.addingReportingOverflow(count)
            guard !overflow else { throw .countOverflow }
            total = sum
        }
        self.init(exponent: exponent, firstBin: firstBin, counts: counts)
    }

    /// Makes a histogram from counts that may have empty bins at both ends.
    ///
    /// - Precondition: `exponent` is the smallest that covers the counted values.
    public init(exponent: Int, firstBin: Int, untrimmedCounts counts: some RandomAccessCollection<UInt64>) {
        guard let head = counts.firstIndex(where: { $0 != 0 }), let tail = counts.lastIndex(where: { $0 != 0 }) else {
            self.init()
            return
        }
        let offset = counts.distance(from: counts.startIndex, to: head)
        self.init(exponent: exponent, firstBin: firstBin + offset, counts: Array(counts[head...tail]))
    }

    private init(exponent: Int, firstBin: Int, counts: [UInt64]) {
        precondition(DyadicLattice.fits(first: firstBin, last: firstBin + counts.count - 1), "Bins out of range")
        self.exponent = exponent
        self.firstBin = firstBin
        self.counts = counts
    }

    /// Whether nothing was counted.
    public var isEmpty: Bool { counts.isEmpty }

    /// Index of the last stored bin; one less than `firstBin` when empty.
    public var lastBin: Int { firstBin + counts.count - 1 }

    /// Number of counted values.
    public var total: UInt64 { counts.reduce(0, +) }

    /// Number of values in the bins of `bins`.
    public func count(in bins: Range<Int>) -> UInt64 {
        let stored = firstBin..<(firstBin + counts.count)
        return bins.clamped(to: stored).reduce(0) { $0 + counts[$1 - firstBin] }
    }

    /// The lower edge of a bin; exact.
    public func lowerEdge(ofBin bin: Int) -> Double {
        Double(bin) * DyadicLattice.width(exponent: exponent)
    }

    /// The same values counted in wider bins.
    ///
    /// - Precondition: `exponent` is not smaller than the histogram's.
    public func coarsened(to exponent: Int) -> DyadicHistogram {
        precondition(exponent >= self.exponent, "A histogram cannot be refined from \(self.exponent) to \(exponent)")
        guard !isEmpty, exponent > self.exponent else { return self }
        let shift = exponent - self.exponent
        let first = firstBin >> shift
        var merged = [UInt64](repeating: 0, count: (lastBin >> shift) - first + 1)
        for (offset, count) in counts.enumerated() {
            merged[((firstBin + offset) >> shift) - first] += count
        }
        return DyadicHistogram(exponent: exponent, firstBin: first, counts: merged)
    }

    /// The histogram of the values of both.
    ///
    /// - Precondition: The number of values fits a `UInt64`.
    public func merging(_ other: DyadicHistogram) -> DyadicHistogram {
        if isEmpty { return other }
        if other.isEmpty { return self }
        var exponent = max(self.exponent, other.exponent)
        while !DyadicLattice.fits(
            first: min(firstBin >> (exponent - self.exponent), other.firstBin >> (exponent - other.exponent)),
            last: max(lastBin >> (exponent - self.exponent), other.lastBin >> (exponent - other.exponent)))
        {
            exponent += 1
        }
        let left = coarsened(to: exponent)
        let right = other.coarsened(to: exponent)
        let first = min(left.firstBin, right.firstBin)
        var merged = [UInt64](repeating: 0, count: max(left.lastBin, right.lastBin) - first + 1)
        for part in [left, right] {
            for (offset, count) in part.counts.enumerated() { merged[part.firstBin - first + offset] += count }
        }
        return DyadicHistogram(exponent: exponent, firstBin: first, counts: merged)
    }
}

/// Why the parts of a histogram were refused.
public enum DyadicHistogramError: Error, Hashable, CustomStringConvertible {
    /// More bins than a histogram keeps.
    case tooManyBins(Int)
    /// No `Float` data leads to this exponent.
    case exponentOutOfRange(Int)
    /// A bin index lies outside the allowed indices.
    case binOutOfRange(Int)
    /// The first or the last bin is empty, or an empty histogram has a position.
    case notTrimmed
    /// The counts add up to more than a `UInt64` holds.
    case countOverflow

    /// What is wrong.
    public var description: String {
        switch self {
        case .tooManyBins(let count): "\(count) bins; at most \(DyadicLattice.maximumBinCount) are kept"
        case .exponentOutOfRange(let exponent):
            "bin exponent \(exponent) is outside \(DyadicLattice.exponents)"
        case .binOutOfRange(let bin): "first bin \(bin) puts bins outside \(DyadicLattice.binIndices)"
        case .notTrimmed: "the first and last bin must not be empty, and an empty histogram starts at bin 0"
        case .countOverflow: "the counts add up to more than 2^64 - 1"
        }
    }
}
