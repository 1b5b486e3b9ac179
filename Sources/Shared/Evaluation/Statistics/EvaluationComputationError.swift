public import Tensors

/// Why the values of two models cannot be compared.
public enum EvaluationComputationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// An executor did not give a value.
    case missing(value: String)
    /// A value is not float32.
    case elementType(value: String, type: ElementType)
    /// The two models give different shapes.
    case shapes(value: String, float: Shape, quantized: Shape)
    /// A value does not have the channels of its quantizer.
    case channels(value: String, shape: Shape)
    /// The scores are not one row for each sample.
    case scores(value: String, shape: Shape, samples: Int)

    /// The value, the reason and, where there is one, the remedy.
    public var description: String {
        switch self {
        case .missing(let value): "The model gave no value '\(value)'"
        case .elementType(let value, let type): "The value '\(value)' is \(type); only float32 values are compared"
        case .shapes(let value, let float, let quantized):
            "The value '\(value)' has shape \(float) in the float model and \(quantized) in the quantized one; "
                + "give the float model that the quantized one was made from"
        case .channels(let value, let shape):
            "The value '\(value)' of shape \(shape) does not have the channels of its quantizer"
        case .scores(let value, let shape, let samples):
            "The output '\(value)' has shape \(shape), which is not one row of scores for each of \(samples) samples"
        }
    }
}
