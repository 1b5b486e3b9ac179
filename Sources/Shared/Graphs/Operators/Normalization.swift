internal import Tensors

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

extension ShapeRule {
    func batchNormalization(_ attributes: BatchNormalizationAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        var channels: Dimension = .unknown
        if let dimensions = data.type.dimensions {
            guard !dimensions.isEmpty else { throw ShapeRuleError("a scalar has no channels") }
            channels = dimensions.count > 1 ? dimensions[1] : 1
        }
        for index in 1...4 {
            let parameter = try required(index)
            guard let dimensions = parameter.type.dimensions else { continue }
            guard dimensions.count == 1 else {
                throw ShapeRuleError("input \(index) has rank \(dimensions.count), not 1")
            }
            channels = try unified(channels, dimensions[0], "channels of the data and input \(index)")
        }
        var values = try sameAsInput()
        guard attributes.trainingMode else { return values }
        for index in 3...4 {
            let type = TensorType(elementType: try required(index).type.elementType, dimensions: [channels])
            values.append(InferredValue(type))
        }
        return values
    }

    func layerNormalization(_ attributes: LayerNormalizationAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let dimensions = data.type.dimensions else {
            let statistics = TensorType(elementType: .float32, dimensions: nil)
            return [InferredValue(data.type), InferredValue(statistics), InferredValue(statistics)]
        }
        let first = try axis(attributes.axis, rank: dimensions.count)
        for index in 1...2 {
            guard let parameter = optional(index)?.type.dimensions else { continue }
            guard parameter.count <= dimensions.count else {
                throw ShapeRuleError("input \(index) has rank \(parameter.count), above that of the data")
            }
            let sum = try broadcast(dimensions, parameter) ?? dimensions
            for (extent, wanted) in zip(sum, dimensions) where extent != wanted {
                if extent.fixedValue != nil, wanted.fixedValue != nil {
                    throw ShapeRuleError("input \(index) has extent \(extent) where the data has \(wanted)")
                }
            }
        }
        let statistics = InferredValue(
            TensorType(
                elementType: .float32, dimensions: dimensions[..<first] + dimensions[first...].map { _ in 1 }))
        return [InferredValue(data.type), statistics, statistics]
    }

    func softmax(axis: Int) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        if let dimensions = data.type.dimensions, !dimensions.isEmpty || (axis != 0 && axis != -1) {
            _ = try self.axis(axis, rank: dimensions.count)
        }
        return try sameAsInput()
    }
}
