public import Calibration
public import Quantization

/// What was observed of one tensor so far.
public struct LayerDocument: ControlDocument {
    /// Name of the tensor in the float model.
    public var tensor: String
    /// Smallest finite value; absent when there was none.
    public var minimum: Float?
    /// Largest finite value; absent when there was none.
    public var maximum: Float?
    /// Elements seen, those that are not finite included.
    public var elements: UInt64
    /// Elements that are not a number.
    public var nans: UInt64
    /// Elements that are infinite, of either sign.
    public var infinities: UInt64
    /// Heights of at most 64 bars of equal width from `minimum` to `maximum`; absent without a histogram.
    ///
    /// From 0 to 255: the highest bar is 255, and a bar with any value at all is at least 1.
    public var histogram: [UInt8]?
    /// Real value of one step, once scales are chosen.
    public var scale: Float?
    /// The integer that stands for 0, once scales are chosen.
    public var zeroPoint: Int32?

    /// Describes a tensor's statistics.
    ///
    /// - Parameters:
    ///   - tensor: Name of the tensor.
    ///   - statistics: What was observed.
    ///   - activation: The tensor's entry in the result's manifest, once there is one.
    public init(tensor: String, statistics: TensorStatistics, activation: ResultManifest.Activation? = nil) {
        self.tensor = tensor
        minimum = statistics.range?.minimum
        maximum = statistics.range?.maximum
        elements = statistics.counts.total
        nans = statistics.counts.nans
        infinities = statistics.counts.positiveInfinities + statistics.counts.negativeInfinities
        histogram = statistics.histogram.map(Sparkline.heights)
        scale = activation?.scale
        zeroPoint = activation?.zeroPoint
    }

    /// At most so many bars.
    public func validate() throws(DocumentError) {
        guard let histogram, histogram.count > ControlLimits.sparklineBins else { return }
        throw .value(key: "histogram", reason: "it has more than \(ControlLimits.sparklineBins) bars")
    }
}
