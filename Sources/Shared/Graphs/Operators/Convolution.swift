/// How a convolution or pooling window is padded.
public enum WindowPadding: Hashable, Sendable {
    /// Elements added before and after each spatial axis.
    case explicit(before: [Int], after: [Int])
    /// Output extent is `ceil(input / stride)`; an odd element goes after.
    case sameUpper
    /// Output extent is `ceil(input / stride)`; an odd element goes before.
    case sameLower
    /// No padding.
    case valid
}

/// Attributes of `Conv`: input [N, C, spatial...], weight [M, C/groups, kernel...], bias [M] (optional).
public struct ConvolutionAttributes: Hashable, Sendable {
    /// Extents of the kernel; `nil` takes them from the weight.
    public var kernelShape: [Int]?
    /// One per spatial axis; empty means all 1.
    public var strides: [Int]
    /// One per spatial axis; empty means all 1.
    public var dilations: [Int]
    /// Padding of the spatial axes; `.explicit` with empty arrays means none.
    public var padding: WindowPadding
    /// Number of channel groups.
    public var groups: Int

    /// Makes attributes; the defaults are those of ONNX.
    public init(
        kernelShape: [Int]? = nil, strides: [Int] = [], dilations: [Int] = [],
        padding: WindowPadding = .explicit(before: [], after: []), groups: Int = 1
    ) {
        self.kernelShape = kernelShape
        self.strides = strides
        self.dilations = dilations
        self.padding = padding
        self.groups = groups
    }
}

/// Attributes of `ConvTranspose`: input [N, C, spatial...], weight [C, M/groups, kernel...], bias [M] (optional).
public struct TransposedConvolutionAttributes: Hashable, Sendable {
    /// Kernel, strides, dilations, padding and groups, as for a convolution.
    public var convolution: ConvolutionAttributes
    /// Elements added at the end of each output axis; empty means none.
    public var outputPadding: [Int]
    /// Wanted spatial output extents, from which the padding follows; `nil` computes them from the padding.
    public var outputShape: [Int]?

    /// Makes attributes; the defaults are those of ONNX.
    public init(
        convolution: ConvolutionAttributes = ConvolutionAttributes(), outputPadding: [Int] = [],
        outputShape: [Int]? = nil
    ) {
        self.convolution = convolution
        self.outputPadding = outputPadding
        self.outputShape = outputShape
    }
}
