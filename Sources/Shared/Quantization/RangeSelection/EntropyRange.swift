import Foundation

/// The range whose quantized values have the distribution closest to the observed one: the method `entropy`.
///
/// The observed distribution P is the histogram in at most 2048 bins, without exact zeros (zero is always represented
/// exactly). The distribution Q of a candidate gives each integer the share of the values that become it, clipped ones
/// included, spread evenly over the occupied bins inside the range that become it. The candidate with the smallest
/// Kullback-Leibler divergence of Q from P wins. Q is smoothed: a share of 1e-30 is spread evenly over all occupied bins, so
/// a bin that quantization empties costs about 70 times its share. Larger shares make clipping cheap and were measured to
/// be worse (docs/decisions/0003-range-selection.md).
enum EntropyRange {
    private static let binLimit = 2048
    private static let smoothing = 1e-30

    /// Searches the range; `zeros` is how many of the counted values are exactly zero.
    static func select(
        _ histogram: DyadicHistogram, zeros: UInt64, observed: TensorRange, scheme: QuantizationScheme
    ) -> TensorRange {
        var coarse = histogram
        while coarse.counts.count > binLimit { coarse = coarse.coarsened(to: coarse.exponent + 1) }
        let counts = coarse.countsWithoutZeros(zeros)
        let total = counts.reduce(0, +)
        guard total > 0 else { return observed }
        let candidates = ClippingCandidates(histogram: coarse, observed: observed, isSymmetric: scheme.isSymmetric)
        let width = DyadicLattice.width(exponent: coarse.exponent)
        let occupied = counts.indices.filter { counts[$0] > 0 }
        let bins = occupied.map { index in
            Bin(
                index: index, value: (Double(coarse.firstBin + index) + 0.5) * width, share: counts[index] / total)
        }
        // Only differences matter between candidates, but sum(P log P) makes the cost the divergence itself.
        let negativeEntropy = bins.reduce(0) { $0 + $1.share * log($1.share) }
        return candidates.minimize(gridPoints: scheme.isSymmetric ? 128 : 16) { candidate in
            negativeEntropy + crossEntropy(bins, binCount: counts.count, candidate: candidate, scheme: scheme)
        }
    }

    private struct Bin {
        let index: Int
        let value: Double
        let share: Double
    }

    /// -sum(P log Q) for one candidate.
    private static func crossEntropy(
        _ bins: [Bin], binCount: Int, candidate: ClippingCandidates.Candidate, scheme: QuantizationScheme
    ) -> Double {
        let grid = QuantizedGrid(minimum: candidate.minimum, maximum: candidate.maximum, scheme: scheme)
        let inside = candidate.cut.lower..<(binCount - candidate.cut.upper)
        let uniform = smoothing / Double(bins.count)
        var sum = 0.0
        var start = 0
        // Bins come in increasing order, so those of one integer are neighbours.
        while start < bins.count {
            let level = grid.level(of: bins[start].value)
            var (end, levelShare, insideShare, insideCount) = (start, 0.0, 0.0, 0)
            while end < bins.count, grid.level(of: bins[end].value) == level {
                levelShare += bins[end].share
                if inside.contains(bins[end].index) {
                    insideShare += bins[end].share
                    insideCount += 1
                }
                end += 1
            }
            if insideCount > 0 {
                sum -= insideShare * log((1 - smoothing) * levelShare / Double(insideCount) + uniform)
            }
            sum -= (levelShare - insideShare) * log(uniform)
            start = end
        }
        return sum
    }
}
