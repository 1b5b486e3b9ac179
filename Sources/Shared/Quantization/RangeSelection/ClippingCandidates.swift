/// The ranges that a search over a histogram considers: whole bins are cut from the ends of the observed range.
///
/// A candidate never cuts across zero, and cutting nothing from an end keeps the observed minimum or maximum itself. For a
/// symmetric scheme both cuts follow from one threshold t: the candidate is -t ... t within the observed range.
struct ClippingCandidates {
    /// The observed range.
    let observed: TensorRange
    /// Number of histogram bins.
    let binCount: Int
    /// Whether the quantized range is symmetric around zero.
    let isSymmetric: Bool
    /// Largest number of bins that may be cut below; with a symmetric scheme 0.
    let lowerCutLimit: Int
    /// Largest number of bins that may be cut above; with a symmetric scheme of the threshold.
    let upperCutLimit: Int

    private let firstBin: Int
    private let width: Double

    init(histogram: DyadicHistogram, observed: TensorRange, isSymmetric: Bool) {
        self.observed = observed
        self.isSymmetric = isSymmetric
        binCount = histogram.counts.count
        firstBin = histogram.firstBin
        width = DyadicLattice.width(exponent: histogram.exponent)
        let end = histogram.firstBin + histogram.counts.count
        if isSymmetric {
            lowerCutLimit = 0
            upperCutLimit = min(max(-histogram.firstBin, end), histogram.counts.count) - 1
        } else {
            lowerCutLimit = max(0, min(-1, histogram.lastBin) - histogram.firstBin)
            upperCutLimit = max(0, end - max(1, histogram.firstBin + 1))
        }
    }

    /// One candidate.
    struct Candidate {
        /// Number of bins outside at the lower and at the upper end.
        let cut: (lower: Int, upper: Int)
        /// The ends of the range, within the observed range.
        let minimum, maximum: Double
        /// The width of the range that is quantized: zero included, and mirrored for a symmetric scheme.
        let quantizedWidth: Double
    }

    /// The candidate with the given cuts; for a symmetric scheme `upper` bins are cut from the larger magnitude.
    func candidate(lower: Int, upper: Int) -> Candidate {
        var cut = (lower: lower, upper: upper)
        if isSymmetric {
            let threshold = max(-firstBin, firstBin + binCount) - upper
            cut = (max(0, -threshold - firstBin), max(0, firstBin + binCount - threshold))
        }
        let minimum = cut.lower == 0 ? Double(observed.minimum) : Double(firstBin + cut.lower) * width
        let maximum = cut.upper == 0 ? Double(observed.maximum) : Double(firstBin + binCount - cut.upper) * width
        let span = isSymmetric ? 2 * max(-minimum, maximum) : max(maximum, 0) - min(minimum, 0)
        return Candidate(cut: cut, minimum: minimum, maximum: maximum, quantizedWidth: span)
    }

    /// The range of the candidate with the smallest cost, searched from coarse to fine.
    ///
    /// First the costs of a grid of at most `gridPoints` cuts per end are compared, then ever finer grids around the
    /// best. Everything is evaluated in a fixed order and only a smaller cost replaces an earlier one, beginning with the
    /// full range, so the result is deterministic and never worse than not clipping.
    func minimize(gridPoints: Int, cost: (Candidate) -> Double) -> TensorRange {
        var best = (lower: 0, upper: 0)
        var bestCost = cost(candidate(lower: 0, upper: 0))
        func consider(lower: Int, upper: Int) {
            let cost = cost(candidate(lower: lower, upper: upper))
            if cost < bestCost { (best, bestCost) = ((lower, upper), cost) }
        }
        var stride = max(1, (max(lowerCutLimit, upperCutLimit) + gridPoints - 1) / gridPoints)
        for lower in Swift.stride(from: 0, through: lowerCutLimit, by: stride) {
            for upper in Swift.stride(from: 0, through: upperCutLimit, by: stride) {
                consider(lower: lower, upper: upper)
            }
        }
        let reach = 4
        while stride > 1 {
            let centre = best
            stride = (stride + reach - 1) / reach
            for i in -reach...reach {
                for j in -reach...reach {
                    let (lower, upper) = (centre.lower + i * stride, centre.upper + j * stride)
                    guard (0...lowerCutLimit).contains(lower), (0...upperCutLimit).contains(upper) else { continue }
                    consider(lower: lower, upper: upper)
                }
            }
        }
        let chosen = candidate(lower: best.lower, upper: best.upper)
        return TensorRange(minimum: Float(chosen.minimum), maximum: Float(chosen.maximum))
    }
}
