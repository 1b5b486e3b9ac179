internal import Graphs
internal import Tensors

/// A normalization over the batch: data [N, C, ...]; it stays in floating point.
public final class BatchNorm2d: UnaryLayer {
    private let channels: Int
    private let attributes: BatchNormalizationAttributes

    /// Makes a layer.
    public init(_ channels: Int, eps: Float = 1e-5, momentum: Float = 0.9) {
        self.channels = channels
        attributes = BatchNormalizationAttributes(epsilon: eps, momentum: momentum)
    }

    override var op: Operator { .batchNormalization(attributes) }

    override var parameters: [Parameter] {
        let shape: Shape = [channels]
        return [
            Parameter(key: "weight", shape: shape, beginning: .ones),
            Parameter(key: "bias", shape: shape, beginning: .zeros),
            Parameter(key: "running_mean", shape: shape, beginning: .zeros),
            Parameter(key: "running_var", shape: shape, beginning: .ones),
        ]
    }
}

/// A normalization over the last axis; it stays in floating point.
public final class LayerNorm: UnaryLayer {
    private let features: Int
    private let epsilon: Float

    /// Makes a layer.
    public init(_ features: Int, eps: Float = 1e-5) {
        self.features = features
        epsilon = eps
    }

    override var op: Operator { .layerNormalization(LayerNormalizationAttributes(axis: -1, epsilon: epsilon)) }

    override var parameters: [Parameter] {
        [
            Parameter(key: "weight", shape: [features], beginning: .ones),
            Parameter(key: "bias", shape: [features], beginning: .zeros),
        ]
    }
}

/// The rectifier; it stays in floating point.
public struct ReLU: Module {
    /// Makes one.
    public init() {}

    /// The rectified value.
    public func forward(_ x: Value) -> Value { x.relu() }
}

/// The largest element of each window.
public struct MaxPool2d: Module {
    private let window: (kernel: Int, stride: Int?, padding: Int)

    /// Makes one; the stride is the kernel's extent when it is not given.
    public init(_ kernelSize: Int, stride: Int? = nil, padding: Int = 0) {
        window = (kernelSize, stride, padding)
    }

    /// Lets a value flow through.
    public func forward(_ x: Value) -> Value {
        x.maxPool(window.kernel, stride: window.stride, padding: window.padding)
    }
}

/// The mean of each window; padding does not count.
public struct AvgPool2d: Module {
    private let window: (kernel: Int, stride: Int?, padding: Int)

    /// Makes one; the stride is the kernel's extent when it is not given.
    public init(_ kernelSize: Int, stride: Int? = nil, padding: Int = 0) {
        window = (kernelSize, stride, padding)
    }

    /// Lets a value flow through.
    public func forward(_ x: Value) -> Value {
        x.averagePool(window.kernel, stride: window.stride, padding: window.padding)
    }
}
