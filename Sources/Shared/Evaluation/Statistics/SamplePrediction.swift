/// The classes that the two models prefer for a sample.
public struct SamplePrediction: Sendable, Hashable {
    /// Stands for no class: a score of the sample is not a number.
    public static let noClass: Int32 = -1

    /// Position of the sample in the job.
    public var sample: UInt64
    /// Class with the largest score of the float model, the first of equal ones, or `noClass`; `nil` when the model is no classifier.
    public var float: Int32?
    /// The same of the quantized model; `nil` together with `float`.
    public var quantized: Int32?

    /// Notes a sample.
    public init(sample: UInt64, float: Int32? = nil, quantized: Int32? = nil) {
        self.sample = sample
        self.float = float
        self.quantized = quantized
    }

    /// Whether one of the models prefers no class, although it is a classifier.
    public var lacksClass: Bool { float == Self.noClass || quantized == Self.noClass }
}
