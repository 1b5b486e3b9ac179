internal import Quantization

/// A histogram as a few bars.
enum Sparkline {
    /// The heights of at most 64 bars, from 0 to 255.
    ///
    /// Neighbouring bins are put together, equally many for each bar; the last bar may have fewer.
    static func heights(_ histogram: DyadicHistogram) -> [UInt8] {
        let counts = histogram.counts
        let bins = max(1, (counts.count + ControlLimits.sparklineBins - 1) / ControlLimits.sparklineBins)
        let bars = stride(from: 0, to: counts.count, by: bins).map { first in
            counts[first..<min(first + bins, counts.count)].reduce(0, +)
        }
        guard let highest = bars.max(), highest > 0 else { return [] }
        return bars.map { count in
            // As Double: a product of two counts need not fit 64 bits. A rare outlier must not vanish.
            count == 0 ? 0 : UInt8(max(1, (Double(count) / Double(highest) * 255).rounded()))
        }
    }
}
