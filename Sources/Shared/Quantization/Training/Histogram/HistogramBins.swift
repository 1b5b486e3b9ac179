/// Equal bins over a closed range, as NumPy or PyTorch counts in them.
public struct HistogramBins: Sendable, Hashable {
    /// The range; its ends belong to the first and the last bin.
    ///
    /// A range of one value has it in the middle bin.
    public let range: TensorRange
    /// Number of bins.
    public let count: Int
    /// Whose rounding decides at the edges.
    public let form: ObserverSpecification.HistogramForm

    /// Counts the elements in each bin; those outside of the range and those that are not a number are left out.
    public func counts(of elements: Span<Float>) -> [UInt64] {
        var counter = HistogramCounter(self)
        counter.observe(elements)
        return counter.counts
    }

    /// The bin of a value within the range.
    func bin(of value: Float) -> Int { bin(of: value, edges: edges) }

    /// The edges of the bins, `count + 1` of them.
    ///
    /// NumPy: computed in `Double`, each rounded to `Float`. PyTorch: computed in `Float`, from both ends to the middle.
    var edges: [Float] {
        let (low, high) = (range.minimum, range.maximum)
        switch form {
        case .exact, .megengine:
            let step = (Double(high) - Double(low)) / Double(count)
            return (0...count).map { $0 == count ? high : Float(Double(low) + Double($0) * step) }
        case .torch: return Self.linspace(low, high, count: count + 1)
        }
    }

    /// PyTorch's `linspace` in `Float`.
    static func linspace(_ low: Float, _ high: Float, count: Int) -> [Float] {
        guard count > 1 else { return [low] }
        let step = (high - low) / Float(count - 1)
        return (0..<count).map {
            $0 < count / 2 ? low + step * Float($0) : high - step * Float(count - 1 - $0)
        }
    }

    /// The bin of a value within the range, between edges that were computed before.
    func bin(of value: Float, edges: [Float]) -> Int {
        guard range.minimum < range.maximum else { return count / 2 }
        let position: Float
        switch form {
        case .exact, .megengine: position = (value - range.minimum) / (range.maximum - range.minimum) * Float(count)
        case .torch: position = (value - range.minimum) * Float(count) / (range.maximum - range.minimum)
        }
        // Only numbers near the largest overflow.
        let guess =
            position.isFinite && (range.maximum - range.minimum).isFinite
            ? Int(position) : Int((Double(value) - Double(range.minimum)) / range.width * Double(count))
        var bin = min(max(guess, 0), count - 1)
        guard form != .torch else { return bin }
        // NumPy lets the edges decide where the division was rounded.
        while bin > 0, value < edges[bin] { bin -= 1 }
        while bin < count - 1, value >= edges[bin + 1] { bin += 1 }
        return bin
    }
}

extension TensorRange {
    /// Maximum minus minimum.
    fileprivate var width: Double { Double(maximum) - Double(minimum) }
}
