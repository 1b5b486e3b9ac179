internal import CKernels
internal import Quantization

/// The bins that values are being counted in, and where they lie on the dyadic lattice.
///
/// The exponent is never coarser than the final one because both are the smallest that cover what was seen so far.
@safe
final class HistogramWindow {
    private static let binCount = DyadicLattice.maximumBinCount

    private let counts: UnsafeMutablePointer<UInt64>
    private let tables: UnsafeMutablePointer<UInt16>
    private var window: tare_statistics_window
    /// `false` until the first value decides where the bins lie.
    private var isPlaced = false

    init() {
        let tableEntries = Int(TARE_STATISTICS_TABLES) * Int(TARE_STATISTICS_TABLE_STRIDE)
        unsafe counts = .allocate(capacity: Self.binCount)
        unsafe counts.initialize(repeating: 0, count: Self.binCount)
        unsafe tables = .allocate(capacity: tableEntries)
        unsafe tables.initialize(repeating: 0, count: tableEntries)
        unsafe window = tare_statistics_window(
            counts: counts, tables: tables, exponent: Int32(DyadicLattice.exponents.lowerBound), first_bin: 0,
            pending: 0)
    }

    deinit {
        unsafe counts.deallocate()
        unsafe tables.deallocate()
    }

    /// Counts elements until one lies outside; returns how many were counted.
    func count(
        _ elements: UnsafeBufferPointer<Float>, summary: inout tare_statistics_summary, variant: StatisticsVariant
    ) -> Int {
        guard isPlaced else { return 0 }
        return unsafe tare_statistics_count(variant.kernel, elements.baseAddress, elements.count, &summary, &window)
    }

    /// Moves the window so that it covers `range`, which contains everything counted so far.
    func cover(_ range: TensorRange, variant: StatisticsVariant) {
        unsafe tare_statistics_flush(variant.kernel, &window)
        let exponent = DyadicLattice.exponent(covering: range)
        let first = Self.firstBin(covering: range, exponent: exponent)
        if isPlaced { move(toFirstBin: first, exponent: exponent) }
        unsafe window.exponent = Int32(exponent)
        unsafe window.first_bin = Int32(first)
        isPlaced = true
    }

    /// The histogram of everything counted so far.
    func histogram(variant: StatisticsVariant) -> DyadicHistogram {
        unsafe tare_statistics_flush(variant.kernel, &window)
        let all = unsafe UnsafeBufferPointer(start: counts, count: Self.binCount)
        return unsafe DyadicHistogram(
            exponent: Int(window.exponent), firstBin: Int(window.first_bin), untrimmedCounts: Array(all))
    }

    /// Leaves room on both sides, so that a range that widens a little needs no other window; none beyond zero.
    private static func firstBin(covering range: TensorRange, exponent: Int) -> Int {
        let first = DyadicLattice.bin(of: range.minimum, exponent: exponent)
        let last = DyadicLattice.bin(of: range.maximum, exponent: exponent)
        let room = binCount - (last - first + 1)
        let below = first == 0 ? 0 : last == -1 ? room : room / 2
        let indices = DyadicLattice.binIndices
        return min(max(first - below, indices.lowerBound), indices.upperBound - binCount)
    }

    private func move(toFirstBin first: Int, exponent: Int) {
        let shift = unsafe exponent - Int(window.exponent)
        let oldFirst = unsafe Int(window.first_bin)
        let old = unsafe Array(UnsafeBufferPointer(start: counts, count: Self.binCount))
        unsafe counts.update(repeating: 0, count: Self.binCount)
        for (offset, count) in old.enumerated() where count > 0 {
            unsafe counts[((oldFirst + offset) >> shift) - first] += count
        }
    }
}
