internal import CKernels

/// The smallest and the largest finite element of a tensor; the largest and the smallest `Float` when there is none.
public struct BatchExtremes: Sendable, Hashable {
    /// The smallest; a zero is +0.
    public let minimum: Float
    /// The largest; a zero is +0.
    public let maximum: Float

    /// Looks at every element once.
    public init(of elements: Span<Float>) {
        var summary = tare_statistics_summary(
            minimum: .infinity, maximum: -.infinity, zeros: 0, nans: 0, positive_infinities: 0, negative_infinities: 0)
        unsafe elements.withUnsafeBufferPointer {
            unsafe tare_statistics_summarize(StatisticsVariant.fastest.kernel, $0.baseAddress, $0.count, &summary)
        }
        let isEmpty = summary.minimum > summary.maximum
        minimum = isEmpty ? Float.greatestFiniteMagnitude : summary.minimum
        maximum = isEmpty ? -Float.greatestFiniteMagnitude : summary.maximum
    }
}
