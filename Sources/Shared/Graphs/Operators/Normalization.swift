/// Attributes of `BatchNormalization`: inputs X [N, C, ...], scale, bias, mean, variance, each [C].
public struct BatchNormalizationAttributes: Hashable, Sendable {
    /// Added to the variance.
    public var epsilon: Float
    /// Weight of the old running statistics in training.
    public var momentum: Float
    /// Whether the statistics come from the batch, with the running ones as outputs 1 and 2.
    public var trainingMode: Bool

    /// Makes attributes; the defaults are those of ONNX.
    public init(epsilon: Float = 1e-5, momentum: Float = 0.9, trainingMode: Bool = false) {
        self.epsilon = epsilon
        self.momentum = momentum
        self.trainingMode = trainingMode
    }
}

/// Attributes of `LayerNormalization`: inputs X, scale, bias (optional); outputs Y, mean, inverse deviation.
public struct LayerNormalizationAttributes: Hashable, Sendable {
    /// First normalised axis; negative counts from the end.
    public var axis: Int
    /// Added to the variance.
    public var epsilon: Float

    /// Makes attributes; the defaults are those of ONNX.
    public init(axis: Int = -1, epsilon: Float = 1e-5) {
        self.axis = axis
        self.epsilon = epsilon
    }
}

/// Attributes of `LRN`: `x / (bias + alpha / size * sum of squares over neighbouring channels) ^ beta`.
public struct LocalResponseNormalizationAttributes: Hashable, Sendable {
    /// Scale of the squares.
    public var alpha: Float
    /// Exponent.
    public var beta: Float
    /// Offset.
    public var bias: Float
    /// Number of channels in the sum.
    public var size: Int

    /// Makes attributes; the defaults are those of ONNX.
    public init(alpha: Float = 0.0001, beta: Float = 0.75, bias: Float = 1, size: Int) {
        self.alpha = alpha
        self.beta = beta
        self.bias = bias
        self.size = size
    }
}
