/// The range with the smallest expected squared error of quantization: the method `histogram`.
///
/// The error of a candidate is the sum of two parts. Each value inside is wrong by a rounding error that is uniform over
/// a step, `step^2 / 12`; exact zeros are excluded because zero is always an integer. Each value outside is wrong by its
/// distance to the end of the range. Rounding errors have both signs and partly cancel in the sums that the next layer
/// forms, while clipping errors all have the same sign and add up, so a squared clipping error counts
/// `clippingWeight` times (docs/decisions/0003-range-selection.md gives the measurements).
enum SquaredErrorRange {
    /// How much more a squared clipping error matters than a squared rounding error.
    static let clippingWeight = 4.0

    /// Searches the range; `zeros` is how many of the counted values are exactly zero.
    static func select(
        _ histogram: DyadicHistogram, zeros: UInt64, observed: TensorRange, scheme: QuantizationScheme
    ) -> TensorRange {
        select(
            histogram, zeros: zeros, observed: observed, stepCount: Double(scheme.stepCount),
            isSymmetric: scheme.isSymmetric)
    }

    /// Searches the range for a number of steps between the smallest and the largest integer.
    static func select(
        _ histogram: DyadicHistogram, zeros: UInt64, observed: TensorRange, stepCount: Double, isSymmetric: Bool
    ) -> TensorRange {
        let counts = histogram.countsWithoutZeros(zeros)
        let below = clippingErrors(counts)
        let above = clippingErrors(counts.reversed())
        var cumulative = [0.0]
        for count in counts { cumulative.append(cumulative[cumulative.count - 1] + count) }
        let width = DyadicLattice.width(exponent: histogram.exponent)
        let candidates = ClippingCandidates(histogram: histogram, observed: observed, isSymmetric: isSymmetric)
        return candidates.minimize(gridPoints: isSymmetric ? DyadicLattice.maximumBinCount : 128) { candidate in
            let (lower, upper) = candidate.cut
            let step = candidate.quantizedWidth / width / stepCount
            let inside = cumulative[counts.count - upper] - cumulative[lower]
            return clippingWeight * (below[lower] + above[upper]) + inside * (step * step / 12)
        }
    }

    /// The squared distances to the end of the range for each number of first bins that are cut, in bin widths.
    ///
    /// Values sit in the middle of their bins. Moving the end by one bin adds `2 * distance + 1` for each value that
    /// was outside before; all terms are positive, so nothing cancels.
    private static func clippingErrors(_ counts: [Double]) -> [Double] {
        var errors = [0.0]
        var (outside, distances, squares) = (0.0, 0.0, 0.0)
        for count in counts {
            squares += 2 * distances + outside + count * 0.25
            distances += outside + count * 0.5
            outside += count
            errors.append(squares)
        }
        return errors
    }
}

extension DyadicHistogram {
    /// The counts as numbers, with exact zeros taken out of the bin that starts at zero.
    func countsWithoutZeros(_ zeros: UInt64) -> [Double] {
        var counts = counts
        if zeros > 0 { counts[-firstBin] -= zeros }
        return counts.map { Double($0) }
    }
}
