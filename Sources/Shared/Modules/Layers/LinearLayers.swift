internal import Graphs
internal import Tensors

/// What the four linear layers have in common.
public class LinearLayer: UnaryLayer {
    private let features: (input: Int, output: Int)
    private let hasBias: Bool
    private let kind: ModuleKind

    init(_ inFeatures: Int, _ outFeatures: Int, _ bias: Bool, _ fusion: ModuleFusion) {
        features = (inFeatures, outFeatures)
        hasBias = bias
        kind = .linear(fusion)
    }

    override var op: Operator { .module(ModuleOperator(kind)) }

    override var parameters: [Parameter] {
        let weight = Parameter(
            key: kind.layerPrefix + "weight", shape: [features.output, features.input],
            beginning: .weight(fanIn: features.input, fanOut: features.output))
        return [weight] + ConvolutionLayer.rest(kind, channels: features.output, hasBias: hasBias)
    }
}

/// `x W^T + b`: data [..., K].
public final class Linear: LinearLayer {
    /// Makes a layer.
    public init(_ inFeatures: Int, _ outFeatures: Int, bias: Bool = true) {
        super.init(inFeatures, outFeatures, bias, .none)
    }
}

/// A linear layer and a rectifier.
public final class LinearRelu: LinearLayer {
    /// Makes a layer.
    public init(_ inFeatures: Int, _ outFeatures: Int, bias: Bool = true) {
        super.init(inFeatures, outFeatures, bias, ModuleFusion(activation: .relu))
    }
}

/// A linear layer and a normalization: data [N, K].
public final class LinearBn1d: LinearLayer {
    /// Makes a layer.
    public init(_ inFeatures: Int, _ outFeatures: Int, bias: Bool = true, eps: Float = 1e-5, momentum: Float = 0.9) {
        super.init(
            inFeatures, outFeatures, bias,
            ModuleFusion(batchNormalization: BatchNormalizationAttributes(epsilon: eps, momentum: momentum)))
    }
}

/// A linear layer, a normalization and a rectifier: data [N, K].
public final class LinearBnRelu1d: LinearLayer {
    /// Makes a layer.
    public init(_ inFeatures: Int, _ outFeatures: Int, bias: Bool = true, eps: Float = 1e-5, momentum: Float = 0.9) {
        super.init(
            inFeatures, outFeatures, bias,
            ModuleFusion(
                batchNormalization: BatchNormalizationAttributes(epsilon: eps, momentum: momentum), activation: .relu))
    }
}

/// `relu?(W x + b)` for each matrix of a batch: weight [B, M, K], data [B, K, N], bias [M].
public final class BatchMatMulActivation: UnaryLayer {
    private let extents: (batch: Int, input: Int, output: Int)
    private let hasBias: Bool
    private let hasRelu: Bool

    /// Makes a layer.
    public init(batch: Int, _ inFeatures: Int, _ outFeatures: Int, bias: Bool = true, relu: Bool = false) {
        extents = (batch, inFeatures, outFeatures)
        hasBias = bias
        hasRelu = relu
    }

    override var op: Operator { .module(ModuleOperator(.batchMatMulActivation(hasRelu: hasRelu))) }

    override var parameters: [Parameter] {
        let weight = Parameter(
            key: "weight", shape: [extents.batch, extents.output, extents.input],
            beginning: .weight(fanIn: extents.input, fanOut: extents.output))
        return hasBias ? [weight, Parameter(key: "bias", shape: [extents.output], beginning: .zeros)] : [weight]
    }
}
