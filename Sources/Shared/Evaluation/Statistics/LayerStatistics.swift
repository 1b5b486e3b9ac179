/// What is known about one layer: its own error, the error that arrives there, and what quantization clamps.
public struct LayerStatistics: Sendable, Hashable {
    /// The quantized layer on the float model's inputs, against the float model's value.
    public var own = ErrorStatistics()
    /// The quantized network's value against the float model's value.
    public var total = ErrorStatistics()
    /// Elements of the float model that the layer's quantizers see.
    public private(set) var quantized: UInt64 = 0
    /// Those that they clamp.
    public private(set) var saturated: UInt64 = 0

    /// Nothing counted yet.
    public init() {}

    /// Takes statistics from a file.
    ///
    /// - Returns: `nil` when more elements were clamped than quantized.
    public init?(checking own: ErrorStatistics, total: ErrorStatistics, quantized: UInt64, saturated: UInt64) {
        guard saturated <= quantized else { return nil }
        self.own = own
        self.total = total
        self.quantized = quantized
        self.saturated = saturated
    }

    /// Counts elements of a quantizer.
    ///
    /// - Precondition: Not more are saturated than there are.
    public mutating func count(quantized: Int, saturated: Int) throws(EvaluationStatisticsError) {
        precondition((0...quantized).contains(saturated), "\(saturated) of \(quantized) elements saturate")
        self.quantized = try self.quantized.addingCount(UInt64(quantized))
        self.saturated = try self.saturated.addingCount(UInt64(saturated))
    }

    /// The statistics of the samples of both; exact, in any order.
    public func merging(_ other: LayerStatistics) throws(EvaluationStatisticsError) -> LayerStatistics {
        var merged = self
        merged.own = try own.merging(other.own)
        merged.total = try total.merging(other.total)
        merged.quantized = try quantized.addingCount(other.quantized)
        merged.saturated = try saturated.addingCount(other.saturated)
        return merged
    }
}
