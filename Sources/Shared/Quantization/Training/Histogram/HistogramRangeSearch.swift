/// The part of a histogram's range with the smallest squared error of quantization: MegEngine's and PyTorch's search.
///
/// It cuts 1e-5 of the elements from one end or the other, whichever drops more bins, as long as the error does not grow. Values
/// are taken to be uniform within their bin; those that are cut off count with their distance to the middle of the last
/// quantization step.
enum HistogramRangeSearch {
    private static let stepSize = 1e-5

    /// Searches the range of a histogram that is not empty.
    ///
    /// - Parameters:
    ///   - histogram: What was seen.
    ///   - range: Its range.
    ///   - levels: Number of integers.
    /// - Returns: The ends of the range, which are edges of bins.
    static func select(_ histogram: RangedHistogram, in range: TensorRange, levels: Int) -> (Float, Float) {
        let counts = histogram.counts.map { Double($0) }
        let width = (range.maximum - range.minimum) / Float(counts.count)
        guard width > 0, width.isFinite else { return (range.minimum, range.maximum) }
        var sums: [Double] = []
        var total = 0.0
        for count in counts {
            total += count
            sums.append(total)
        }
        let error = SquaredError(counts: counts, width: Double(width), levels: Double(levels))
        var (alpha, beta, start, end) = (0.0, 1.0, 0, counts.count - 1)
        var best = Double.infinity
        while alpha < beta {
            let (nextAlpha, nextBeta) = (alpha + stepSize, beta - stepSize)
            var (left, right) = (start, end)
            while left < end, sums[left] < nextAlpha * total { left += 1 }
            while right > start, sums[right] > nextBeta * total { right -= 1 }
            var (nextStart, nextEnd) = (start, end)
            if left - start > end - right {
                (nextStart, alpha) = (left, nextAlpha)
            } else {
                (nextEnd, beta) = (right, nextBeta)
            }
            if nextStart == start, nextEnd == end { continue }
            let next = error.of(start: nextStart, end: nextEnd)
            if next > best { break }
            (best, start, end) = (next, nextStart, nextEnd)
        }
        return (range.minimum + width * Float(start), range.minimum + width * Float(end + 1))
    }
}

/// The squared error of quantizing a histogram within some of its bins.
private struct SquaredError {
    /// The bins that are not empty.
    private let bins: [(index: Int, density: Double)]
    private let width: Double
    private let levels: Double

    init(counts: [Double], width: Double, levels: Double) {
        bins = counts.enumerated().compactMap { $1 > 0 ? ($0, $1 / width) : nil }
        self.width = width
        self.levels = levels
    }

    /// When the integers cover the bins `start ... end`.
    func of(start: Int, end: Int) -> Double {
        let step = width * Double(end - start + 1) / levels
        guard step > 0 else { return 0 }
        let half = step / 2
        let wholeStep = Self.integral(-half, half)
        var sum = 0.0
        for bin in bins {
            let low = Double(bin.index - start) * width
            let high = low + width
            let first = level(of: low / step)
            let last = level(of: high / step)
            let fromFirst = low - (first * step + half)
            let fromLast = high - (last * step + half)
            if first == last {
                sum += bin.density * Self.integral(fromFirst, fromLast)
            } else {
                let ends = Self.integral(fromFirst, half) + Self.integral(-half, fromLast)
                sum += bin.density * (ends + (last - first - 1) * wholeStep)
            }
        }
        return sum
    }

    private func level(of position: Double) -> Double { min(max(position.rounded(.down), 0), levels - 1) }

    /// The integral of x².
    private static func integral(_ low: Double, _ high: Double) -> Double {
        (high * high * high - low * low * low) / 3
    }
}
