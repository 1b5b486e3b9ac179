/// The range with the smallest squared error of quantizing and dequantizing the observed values: the method `mse`.
///
/// Unlike `SquaredErrorRange` it quantizes the middle of every bin with the real scale and the rounded zero point, and
/// weighs clipping like rounding. Where a step is narrower than four bins the middle says nothing about the rounding
/// error of the others, and `step^2 / 12` is taken for values inside the range.
enum MeanSquaredErrorRange {
    /// Searches the range; `zeros` is how many of the counted values are exactly zero (those have no error).
    static func select(
        _ histogram: DyadicHistogram, zeros: UInt64, observed: TensorRange, scheme: QuantizationScheme
    ) -> TensorRange {
        let width = DyadicLattice.width(exponent: histogram.exponent)
        let bins: [(value: Double, count: Double)] = histogram.countsWithoutZeros(zeros).enumerated().compactMap {
            let value = (Double(histogram.firstBin + $0) + 0.5) * width
            let clamped = min(max(value, Double(observed.minimum)), Double(observed.maximum))
            return $1 > 0 ? (clamped, $1) : nil
        }
        let candidates = ClippingCandidates(
            histogram: histogram, observed: observed, isSymmetric: scheme.isSymmetric)
        return candidates.minimize(gridPoints: scheme.isSymmetric ? 128 : 16) { candidate in
            let grid = QuantizedGrid(minimum: candidate.minimum, maximum: candidate.maximum, scheme: scheme)
            let isFine = grid.step < 4 * width
            let rounding = grid.step * grid.step / 12
            var sum = 0.0
            for bin in bins {
                let error = grid.value(ofLevel: grid.level(of: bin.value)) - bin.value
                let isInside = candidate.minimum <= bin.value && bin.value <= candidate.maximum
                sum += bin.count * (isFine && isInside ? rounding : error * error)
            }
            return sum
        }
    }
}
