/// The range between two percentiles of the values.
enum PercentileRange {
    /// From the (100 - p)th percentile to the pth, as `numpy.percentile(x, [100 - p, p])` counts; for a symmetric scheme the pth
    /// percentile of the magnitudes.
    ///
    /// Positions inside a bin are interpolated as if its values were spread evenly. The result stays within the observed
    /// range.
    static func select(
        _ histogram: DyadicHistogram, percentage: Double, observed: TensorRange, scheme: QuantizationScheme
    ) -> TensorRange {
        let width = DyadicLattice.width(exponent: histogram.exponent)
        let cut = (100 - percentage) / 100
        let counts = histogram.counts
        let (first, end) = (histogram.firstBin, histogram.firstBin + counts.count)
        guard scheme.isSymmetric else {
            let minimum = (Double(first) + position(cut, in: counts)) * width
            let maximum = (Double(end) - position(cut, in: counts.reversed())) * width
            return clamp(minimum, maximum, to: observed)
        }
        // Bin k and its mirror image -k - 1 hold the same magnitudes.
        var magnitudes = [UInt64](repeating: 0, count: max(end, -first))
        for (offset, count) in counts.enumerated() {
            let bin = first + offset
            magnitudes[bin >= 0 ? bin : -bin - 1] += count
        }
        let threshold = (Double(magnitudes.count) - position(cut, in: magnitudes.reversed())) * width
        return clamp(-threshold, threshold, to: observed)
    }

    /// How many bins, with a fraction, hold the share `share` of the values, counted from the first bin on.
    private static func position(_ share: Double, in counts: some Sequence<UInt64>) -> Double {
        let counts = Array(counts)
        var remaining = share * Double(counts.reduce(0, +))
        for (index, count) in counts.enumerated() {
            let count = Double(count)
            if count > 0, remaining <= count { return Double(index) + remaining / count }
            remaining -= count
        }
        return Double(counts.count)
    }

    private static func clamp(_ minimum: Double, _ maximum: Double, to observed: TensorRange) -> TensorRange {
        let low = max(Float(minimum), observed.minimum)
        let high = min(Float(maximum), observed.maximum)
        // With a point mass wider than the percentage both ends may meet or cross inside one bin.
        return low <= high ? TensorRange(minimum: low, maximum: high) : observed
    }
}
