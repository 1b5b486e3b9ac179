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

/// How a window moves along one axis.
struct Window {
    let kernel: Int
    let stride: Int
    let dilation: Int

    /// Elements from the first to the last one that the window covers; `nil` when the number overflows or a part of the
    /// window is not positive.
    var span: Int? {
        guard kernel >= 1, stride >= 1, dilation >= 1 else { return nil }
        let (product, overflow) = (kernel - 1).multipliedReportingOverflow(by: dilation)
        let (span, overflowToo) = product.addingReportingOverflow(1)
        return overflow || overflowToo ? nil : span
    }
}

extension ShapeRule {
    func convolution(_ attributes: ConvolutionAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let weight = try required(1).type.dimensions else {
            return outputs(like: data, dimensions: nil)
        }
        guard weight.count >= 3 else { throw ShapeRuleError("the weight has rank \(weight.count), which is below 3") }
        let spatial = try convolutionInput(data, weight: weight, channels: weight[1] * .fixed(attributes.groups))
        if let outChannels = weight[0].fixedValue, !outChannels.isMultiple(of: max(attributes.groups, 1)) {
            throw ShapeRuleError("\(outChannels) output channels do not divide into \(attributes.groups) groups")
        }
        try checkBias(channels: weight[0])
        let extents = try windowOutputs(
            spatial, windows: windows(attributes, weight: weight), padding: attributes.padding, ceilMode: false)
        let batch = data.type.dimensions?[0] ?? .unknown
        return outputs(like: data, dimensions: [batch, weight[0]] + extents)
    }

    func transposedConvolution(
        _ attributes: TransposedConvolutionAttributes
    ) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let weight = try required(1).type.dimensions else {
            return outputs(like: data, dimensions: nil)
        }
        guard weight.count >= 3 else { throw ShapeRuleError("the weight has rank \(weight.count), which is below 3") }
        let spatial = try convolutionInput(data, weight: weight, channels: weight[0])
        let channels = weight[1] * .fixed(attributes.convolution.groups)
        try checkBias(channels: channels)
        let windows = try windows(attributes.convolution, weight: weight)
        var extents: [Dimension] = []
        for axis in spatial.indices {
            extents.append(try transposedExtent(spatial[axis], window: windows[axis], axis: axis, attributes))
        }
        let batch = data.type.dimensions?[0] ?? .unknown
        return outputs(like: data, dimensions: [batch, channels] + extents)
    }

    private func transposedExtent(
        _ extent: Dimension, window: Window?, axis: Int, _ attributes: TransposedConvolutionAttributes
    ) throws(ShapeRuleError) -> Dimension {
        if let shape = attributes.outputShape {
            guard shape.indices.contains(axis), shape[axis] >= 1 else {
                throw ShapeRuleError("output_shape \(shape) does not give a positive extent for spatial axis \(axis)")
            }
            return .fixed(shape[axis])
        }
        guard let window, let span = window.span else { return .unknown }
        let strided = extent * .fixed(window.stride)
        let extra = try spatialEntry(attributes.outputPadding, axis, missing: 0, "output_padding")
        switch attributes.convolution.padding {
        case .sameUpper, .sameLower: return strided
        case .valid: return strided - .fixed(window.stride) + .fixed(span) + .fixed(extra)
        case .explicit(let before, let after):
            let pads =
                try Dimension.fixed(spatialEntry(before, axis, missing: 0, "pads"))
                + .fixed(spatialEntry(after, axis, missing: 0, "pads"))
            let result = strided - .fixed(window.stride) + .fixed(span) + .fixed(extra) - pads
            if let value = result.fixedValue, value < 1 {
                throw ShapeRuleError("the output extent of spatial axis \(axis) would be \(value)")
            }
            return result
        }
    }

    /// The spatial extents, unknown ones when the rank of the data is; checks rank and channels.
    private func convolutionInput(
        _ data: InferredValue, weight: [Dimension], channels: Dimension
    ) throws(ShapeRuleError) -> [Dimension] {
        guard let dimensions = data.type.dimensions else {
            return [Dimension](repeating: .unknown, count: weight.count - 2)
        }
        guard dimensions.count == weight.count else {
            throw ShapeRuleError("the data has rank \(dimensions.count) but the weight has rank \(weight.count)")
        }
        _ = try unified(dimensions[1], channels, "channels of the data and of the weight")
        return Array(dimensions[2...])
    }

    private func checkBias(channels: Dimension) throws(ShapeRuleError) {
        guard let bias = optional(2)?.type.dimensions else { return }
        guard bias.count == 1 else { throw ShapeRuleError("the bias has rank \(bias.count), not 1") }
        _ = try unified(bias[0], channels, "length of the bias and output channels")
    }

    /// The window of each spatial axis; `nil` where the kernel's extent is unknown.
    private func windows(
        _ attributes: ConvolutionAttributes, weight: [Dimension]
    ) throws(ShapeRuleError) -> [Window?] {
        let kernel = Array(weight[2...])
        if let declared = attributes.kernelShape {
            guard declared.count == kernel.count else {
                throw ShapeRuleError("kernel_shape \(declared) does not fit a weight of rank \(weight.count)")
            }
            for (first, second) in zip(declared, kernel) {
                _ = try unified(.fixed(first), second, "kernel_shape and the weight")
            }
        }
        var windows: [Window?] = []
        for axis in kernel.indices {
            let stride = try spatialEntry(attributes.strides, axis, missing: 1, "strides")
            let dilation = try spatialEntry(attributes.dilations, axis, missing: 1, "dilations")
            let extent = attributes.kernelShape?[axis] ?? kernel[axis].fixedValue
            windows.append(extent.map { Window(kernel: $0, stride: stride, dilation: dilation) })
        }
        return windows
    }

    /// Entry `axis` of an attribute that is either empty or has one entry per spatial axis.
    func spatialEntry(
        _ values: [Int], _ axis: Int, missing: Int, _ name: String
    ) throws(ShapeRuleError) -> Int {
        if values.isEmpty { return missing }
        guard values.indices.contains(axis) else {
            throw ShapeRuleError("\(name) \(values) has no entry for spatial axis \(axis)")
        }
        return values[axis]
    }

    /// How many windows fit along each spatial axis.
    func windowOutputs(
        _ spatial: [Dimension], windows: [Window?], padding: WindowPadding, ceilMode: Bool
    ) throws(ShapeRuleError) -> [Dimension] {
        var extents: [Dimension] = []
        for axis in spatial.indices {
            guard let window = windows[axis] else {
                extents.append(.unknown)
                continue
            }
            extents.append(
                try windowOutput(spatial[axis], window: window, axis: axis, padding: padding, ceilMode: ceilMode))
        }
        return extents
    }

    private func windowOutput(
        _ extent: Dimension, window: Window, axis: Int, padding: WindowPadding, ceilMode: Bool
    ) throws(ShapeRuleError) -> Dimension {
        guard let span = window.span else {
            throw ShapeRuleError("kernel, stride and dilation of spatial axis \(axis) are not positive or too large")
        }
        var before = 0
        var padded = extent
        switch padding {
        case .sameUpper, .sameLower: return extent.dividedRoundingUp(by: window.stride)
        case .valid: break
        case .explicit(let pads, let padsAfter):
            before = try spatialEntry(pads, axis, missing: 0, "pads")
            padded = try extent + .fixed(before) + .fixed(spatialEntry(padsAfter, axis, missing: 0, "pads"))
        }
        let steps = padded - .fixed(span)
        if let value = steps.fixedValue, value < 0 {
            throw ShapeRuleError(
                "a window that spans \(span) exceeds the padded extent \(padded) of spatial axis \(axis)")
        }
        guard ceilMode else { return steps.dividedRoundingDown(by: window.stride) + 1 }
        guard let input = extent.fixedValue else {
            // Whether the last window counts depends on the extent.
            return window.stride == 1 ? steps + 1 : .unknown
        }
        let count = steps.dividedRoundingUp(by: window.stride) + 1
        // A window that would start in the padding after the data does not count.
        if let value = count.fixedValue, let first = ((count - 1) * .fixed(window.stride)).fixedValue,
            first >= input + before
        {
            return .fixed(value - 1)
        }
        return count
    }
}
