/// The histogram of the form `exact`: bins on the lattice of powers of two, the same whatever the order of the batches.
public struct LatticeHistogram: Sendable, Hashable {
    /// Counts of all finite elements.
    public private(set) var histogram = DyadicHistogram()
    /// The extremes of all finite elements; `nil` before the first.
    public private(set) var range: TensorRange?
    /// Number of elements that are exactly zero.
    public private(set) var zeros: UInt64 = 0

    /// Makes a histogram that has seen nothing.
    public init() {}

    /// Makes a histogram from its parts, which have to agree with each other.
    init(_ histogram: DyadicHistogram, range: TensorRange?, zeros: UInt64) {
        self.histogram = histogram
        self.range = range
        self.zeros = zeros
    }

    /// Counts the finite elements of a batch.
    public mutating func add(_ elements: Span<Float>) {
        guard let batch = TensorRange(finiteElementsOf: elements) else { return }
        let exponent = DyadicLattice.exponent(covering: batch)
        let first = DyadicLattice.bin(of: batch.minimum, exponent: exponent)
        let last = DyadicLattice.bin(of: batch.maximum, exponent: exponent)
        var counts = [UInt64](repeating: 0, count: last - first + 1)
        var zeros: UInt64 = 0
        for index in 0..<elements.count where elements[index].isFinite {
            counts[DyadicLattice.bin(of: elements[index], exponent: exponent) - first] += 1
            if elements[index] == 0 { zeros += 1 }
        }
        merge(
            LatticeHistogram(
                DyadicHistogram(exponent: exponent, firstBin: first, untrimmedCounts: counts), range: batch,
                zeros: zeros))
    }

    /// Adds what another has seen: exact, associative and commutative.
    public mutating func merge(_ other: LatticeHistogram) {
        histogram = histogram.merging(other.histogram)
        range = TensorRange.union(range, other.range)
        zeros += other.zeros
    }

    /// Makes the histogram of a calibration; `nil` when none was collected.
    public init?(_ statistics: TensorStatistics) {
        guard let histogram = statistics.histogram else { return nil }
        self.init(histogram, range: statistics.range, zeros: statistics.counts.zeros)
    }

    /// The range with the smallest squared error for a number of steps, as the method `histogram` of calibrations finds it.
    func selectRange(steps: Double, isSymmetric: Bool) -> TensorRange? {
        guard let range, range.minimum < range.maximum else { return range }
        return SquaredErrorRange.select(
            histogram, zeros: zeros, observed: range, stepCount: steps, isSymmetric: isSymmetric)
    }
}

extension TensorRange {
    /// The extremes of the finite elements; `nil` without any.
    public init?(finiteElementsOf elements: Span<Float>) {
        var (minimum, maximum) = (Float.infinity, -Float.infinity)
        for index in 0..<elements.count {
            let value = elements[index]
            guard value.magnitude < .infinity else { continue }
            minimum = value < minimum ? value : minimum
            maximum = value > maximum ? value : maximum
        }
        self.init(checking: minimum, maximum)
    }
}
