internal import Graphs
internal import Tensors

/// What the four transposed convolutions have in common.
public class TransposedConvolutionLayer: UnaryLayer {
    private let channels: (input: Int, output: Int)
    private let kernel: [Int]
    private let groups: Int
    private let hasBias: Bool
    private let kind: ModuleKind

    init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: Int, _ stride: Int, _ padding: Int, _ outputPadding: Int,
        _ dilation: Int, _ groups: Int, _ bias: Bool, _ fusion: ModuleFusion
    ) {
        channels = (inChannels, outChannels)
        kernel = [kernelSize, kernelSize]
        self.groups = groups
        hasBias = bias
        kind = .transposedConvolution(
            TransposedConvolutionAttributes(
                convolution: ConvolutionAttributes(
                    kernelShape: kernel, strides: [stride, stride], dilations: [dilation, dilation],
                    padding: .explicit(before: [padding, padding], after: [padding, padding]), groups: groups),
                outputPadding: [outputPadding, outputPadding]), fusion)
    }

    override var op: Operator { .module(ModuleOperator(kind)) }

    override var parameters: [Parameter] {
        let area = kernel.reduce(1, *)
        let weight = Parameter(
            key: kind.layerPrefix + "weight", shape: Shape([channels.input, channels.output / groups] + kernel),
            beginning: .weight(fanIn: channels.input / groups * area, fanOut: channels.output / groups * area))
        return [weight] + ConvolutionLayer.rest(kind, channels: channels.output, hasBias: hasBias)
    }
}

/// A transposed convolution: data [N, C, H, W].
public final class ConvTranspose2d: TransposedConvolutionLayer {
    /// Makes a layer with a square kernel.
    public init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: Int, stride: Int = 1, padding: Int = 0,
        outputPadding: Int = 0, dilation: Int = 1, groups: Int = 1, bias: Bool = true
    ) {
        super.init(
            inChannels, outChannels, kernelSize, stride, padding, outputPadding, dilation, groups, bias, .none)
    }
}

/// A transposed convolution and a rectifier.
public final class ConvTransposeRelu2d: TransposedConvolutionLayer {
    /// Makes a layer with a square kernel.
    public init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: Int, stride: Int = 1, padding: Int = 0,
        outputPadding: Int = 0, dilation: Int = 1, groups: Int = 1, bias: Bool = true
    ) {
        super.init(
            inChannels, outChannels, kernelSize, stride, padding, outputPadding, dilation, groups, bias,
            ModuleFusion(activation: .relu))
    }
}

/// A transposed convolution and a normalization.
public final class ConvTransposeBn2d: TransposedConvolutionLayer {
    /// Makes a layer with a square kernel.
    public init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: Int, stride: Int = 1, padding: Int = 0,
        outputPadding: Int = 0, dilation: Int = 1, groups: Int = 1, bias: Bool = true, eps: Float = 1e-5,
        momentum: Float = 0.9
    ) {
        super.init(
            inChannels, outChannels, kernelSize, stride, padding, outputPadding, dilation, groups, bias,
            ModuleFusion(batchNormalization: BatchNormalizationAttributes(epsilon: eps, momentum: momentum)))
    }
}

/// A transposed convolution, a normalization and a rectifier.
public final class ConvTransposeBnRelu2d: TransposedConvolutionLayer {
    /// Makes a layer with a square kernel.
    public init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: Int, stride: Int = 1, padding: Int = 0,
        outputPadding: Int = 0, dilation: Int = 1, groups: Int = 1, bias: Bool = true, eps: Float = 1e-5,
        momentum: Float = 0.9
    ) {
        super.init(
            inChannels, outChannels, kernelSize, stride, padding, outputPadding, dilation, groups, bias,
            ModuleFusion(
                batchNormalization: BatchNormalizationAttributes(epsilon: eps, momentum: momentum), activation: .relu))
    }
}
