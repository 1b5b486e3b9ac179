public import Graphs
internal import Tensors

/// What the four convolutions have in common.
public class ConvolutionLayer: UnaryLayer {
    private let channels: (input: Int, output: Int)
    private let kernel: [Int]
    private let hasBias: Bool
    private let kind: ModuleKind

    init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: Int, _ stride: Int, _ padding: Int, _ dilation: Int,
        _ groups: Int, _ bias: Bool, _ paddingMode: ModulePaddingMode, _ fusion: ModuleFusion
    ) {
        channels = (inChannels, outChannels)
        kernel = [kernelSize, kernelSize]
        hasBias = bias
        kind = .convolution(
            ConvolutionAttributes(
                kernelShape: kernel, strides: [stride, stride], dilations: [dilation, dilation],
                padding: .explicit(before: [padding, padding], after: [padding, padding]), groups: groups),
            paddingMode: paddingMode, fusion)
        self.groups = groups
    }

    private let groups: Int

    override var op: Operator { .module(ModuleOperator(kind)) }

    override var parameters: [Parameter] {
        let area = kernel.reduce(1, *)
        let weight = Parameter(
            key: kind.layerPrefix + "weight", shape: Shape([channels.output, channels.input / groups] + kernel),
            beginning: .weight(fanIn: channels.input / groups * area, fanOut: channels.output / groups * area))
        return [weight] + Self.rest(kind, channels: channels.output, hasBias: hasBias)
    }

    /// Bias and normalization.
    static func rest(_ kind: ModuleKind, channels: Int, hasBias: Bool) -> [Parameter] {
        let shape: Shape = [channels]
        var result: [Parameter] = []
        if hasBias { result.append(Parameter(key: kind.layerPrefix + "bias", shape: shape, beginning: .zeros)) }
        guard kind.fusion?.batchNormalization != nil else { return result }
        return result + [
            Parameter(key: "bn.weight", shape: shape, beginning: .ones),
            Parameter(key: "bn.bias", shape: shape, beginning: .zeros),
            Parameter(key: "bn.running_mean", shape: shape, beginning: .zeros),
            Parameter(key: "bn.running_var", shape: shape, beginning: .ones),
        ]
    }
}

/// A convolution: data [N, C, H, W].
public final class Conv2d: ConvolutionLayer {
    /// Makes a layer with a square kernel.
    public init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
        groups: Int = 1, bias: Bool = true, paddingMode: ModulePaddingMode = .zeros
    ) {
        super.init(inChannels, outChannels, kernelSize, stride, padding, dilation, groups, bias, paddingMode, .none)
    }
}

/// A convolution and a rectifier.
public final class ConvRelu2d: ConvolutionLayer {
    /// Makes a layer with a square kernel.
    public init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
        groups: Int = 1, bias: Bool = true, paddingMode: ModulePaddingMode = .zeros
    ) {
        super.init(
            inChannels, outChannels, kernelSize, stride, padding, dilation, groups, bias, paddingMode,
            ModuleFusion(activation: .relu))
    }
}

/// A convolution and a normalization.
public final class ConvBn2d: ConvolutionLayer {
    /// Makes a layer with a square kernel.
    public init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
        groups: Int = 1, bias: Bool = true, paddingMode: ModulePaddingMode = .zeros, eps: Float = 1e-5,
        momentum: Float = 0.9
    ) {
        super.init(
            inChannels, outChannels, kernelSize, stride, padding, dilation, groups, bias, paddingMode,
            ModuleFusion(batchNormalization: BatchNormalizationAttributes(epsilon: eps, momentum: momentum)))
    }
}

/// A convolution, a normalization and a rectifier.
public final class ConvBnRelu2d: ConvolutionLayer {
    /// Makes a layer with a square kernel.
    public init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
        groups: Int = 1, bias: Bool = true, paddingMode: ModulePaddingMode = .zeros, eps: Float = 1e-5,
        momentum: Float = 0.9
    ) {
        super.init(
            inChannels, outChannels, kernelSize, stride, padding, dilation, groups, bias, paddingMode,
            ModuleFusion(
                batchNormalization: BatchNormalizationAttributes(epsilon: eps, momentum: momentum), activation: .relu))
    }
}
