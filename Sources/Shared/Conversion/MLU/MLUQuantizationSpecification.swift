public import Quantization

/// How `quantizeDynamicMLU` calibrates: the guide's `qconfig_spec`, with its names and defaults.
public struct MLUQuantizationSpecification: Sendable, Hashable, Codable {
    /// Whether the range of an input is the average of the calls' extremes instead of the widest of them.
    public var usesAverage: Bool
    /// Factor of every call's extremes; weights are not scaled by it.
    public var dataScale: Double
    /// Whether the first two-dimensional convolution takes raw 0...255 data and normalises them on the device.
    public var firstConvolution: Bool
    /// Mean of each channel, in [0, 1).
    ///
    /// Multiplied by 255 in the module. Needed with `firstConvolution`.
    public var mean: [Double]?
    /// Deviation of each channel, in (0, 1).
    ///
    /// Multiplied by 255 in the module. Needed with `firstConvolution`.
    public var std: [Double]?
    /// Whether a weight has one scale for each output channel.
    public var isPerChannel: Bool
    /// How ranges follow from what was seen.
    public var method: Method
    /// Calls of each module that are recorded; `nil` records all.
    ///
    /// The guide's software calls it `iteration` and has 1.
    public var iteration: Int?
    /// What the average is; only with `usesAverage`.
    public var averaging: MLUAveraging

    /// The methods that there are.
    public enum Method: String, Sendable, Hashable, CaseIterable, Codable {
        /// Smallest and largest element.
        case minmax
    }

    /// Makes a specification; the defaults are the guide's.
    public init(
        usesAverage: Bool = false, dataScale: Double = 1, firstConvolution: Bool = false, mean: [Double]? = nil,
        std: [Double]? = nil, isPerChannel: Bool = false, method: Method = .minmax, iteration: Int? = nil,
        averaging: MLUAveraging = .mean
    ) {
        self.usesAverage = usesAverage
        self.dataScale = dataScale
        self.firstConvolution = firstConvolution
        self.mean = mean
        self.std = std
        self.isPerChannel = isPerChannel
        self.method = method
        self.iteration = iteration
        self.averaging = averaging
    }

    /// An observer of one module's input that has seen nothing.
    public var observer: MLURangeObserver {
        MLURangeObserver(averaging: usesAverage ? averaging : nil, dataScale: dataScale, callLimit: iteration)
    }

    /// Refuses values out of range, by the name of the key.
    ///
    /// - Throws: `MLUConversionError.invalidOption`.
    public func validate() throws(MLUConversionError) {
        guard dataScale > 0, dataScale.isFinite else {
            throw .invalidOption(key: "data_scale", reason: "it is \(dataScale); use a finite number above 0")
        }
        if let iteration, iteration < 1 {
            throw .invalidOption(key: "iteration", reason: "it is \(iteration); use 1 or more, or leave it out")
        }
        for value in mean ?? [] where !(0..<1).contains(value) {
            throw .invalidOption(key: "mean", reason: "it holds \(value); means lie in [0, 1), before the factor 255")
        }
        for value in std ?? [] where !(value > 0 && value < 1) {
            throw .invalidOption(
                key: "std", reason: "it holds \(value); deviations lie in (0, 1), before the factor 255")
        }
        guard firstConvolution else { return }
        guard let mean else { throw .invalidOption(key: "mean", reason: "firstconv needs it; give one per channel") }
        guard let std else { throw .invalidOption(key: "std", reason: "firstconv needs it; give one per channel") }
        guard !mean.isEmpty, mean.count == std.count else {
            throw .invalidOption(
                key: "std", reason: "it has \(std.count) values and mean has \(mean.count); give one per channel")
        }
    }
}
