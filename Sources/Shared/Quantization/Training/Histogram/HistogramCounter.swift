/// Counts the elements of one batch in the bins of its step; they may arrive in any number of pieces and in any order.
public struct HistogramCounter: Sendable {
    /// The bins.
    public let bins: HistogramBins
    /// Number of elements in each bin so far; those outside of the range and those that are not a number are left out.
    public private(set) var counts: [UInt64]
    /// The extremes of the finite elements so far, those outside of the range too; `nil` before the first.
    public var observed: TensorRange? { TensorRange(checking: minimum, maximum) }

    private let edges: [Float]
    private var minimum = Float.infinity
    private var maximum = -Float.infinity

    /// Makes a counter that has seen nothing.
    public init(_ bins: HistogramBins) {
        self.bins = bins
        edges = bins.edges
        counts = [UInt64](repeating: 0, count: bins.count)
    }

    /// Counts elements.
    public mutating func observe(_ elements: Span<Float>) {
        let range = bins.range
        for index in 0..<elements.count {
            let value = elements[index]
            guard value.magnitude < .infinity else { continue }
            minimum = value < minimum ? value : minimum
            maximum = value > maximum ? value : maximum
            guard value >= range.minimum, value <= range.maximum else { continue }
            counts[bins.bin(of: value, edges: edges)] += 1
        }
    }
}
