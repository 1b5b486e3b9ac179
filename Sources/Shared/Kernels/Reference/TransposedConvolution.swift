import Graphs
import Tensors

extension ReferenceKernels {
    /// Transposed convolution: every input element adds the kernel, scaled by it, to the output.
    ///
    /// An output element receives its terms by kernel position in row-major order; each term is the sum over input
    /// channels. The bias is added last.
    static func transposedConvolution(
        _ attributes: TransposedConvolutionAttributes, _ inputs: KernelInputs
    ) throws(KernelError) -> Tensor {
        let groups = attributes.convolution.groups
        let operands = try ConvolutionOperands(inputs, groups: groups)
        try operands.check(kernelShape: attributes.convolution.kernelShape)
        guard operands.weight.shape[0] == operands.channels else {
            throw .shapeMismatch("weight \(operands.weight.shape) does not fit data \(operands.data.shape)")
        }
        let (outputChannels, overflow) = operands.weight.shape[1].multipliedReportingOverflow(by: groups)
        guard !overflow else {
            throw .shapeMismatch("weight \(operands.weight.shape) in \(groups) groups is too large")
        }
        try operands.check(biasCount: outputChannels)
        let geometry = try transposedGeometry(
            attributes, input: Array(operands.data.shape.dimensions.dropFirst(2)),
            kernel: Array(operands.weight.shape.dimensions.dropFirst(2)))
        let type = operands.data.elementType
        let shape = try KernelShapes.output(
            [operands.data.shape[0], outputChannels] + geometry.input, type == .float64 ? .float64 : .float32)
        if type == .float64 {
            return try scatter(operands, geometry, groups: groups, shape: shape, Double.self)
        }
        return try scatter(operands, geometry, groups: groups, shape: shape, Float.self)
    }

    /// The geometry of the convolution that this one transposes: its input is our output.
    private static func transposedGeometry(
        _ attributes: TransposedConvolutionAttributes, input: [Int], kernel: [Int]
    ) throws(KernelError) -> WindowGeometry {
        let convolution = attributes.convolution
        var axes = try WindowGeometry.unpadded(
            input: input, kernel: kernel, strides: convolution.strides, dilations: convolution.dilations)
        for index in axes.indices {
            var axis = axes[index]
            let extra = try WindowGeometry.element(
                attributes.outputPadding, index, rank: axes.count, missing: 0, minimum: 0, "output padding")
            let full = (axis.input - 1) * axis.stride + extra + axis.span
            let extent: Int
            if let wanted = attributes.outputShape {
                extent = try WindowGeometry.element(
                    wanted, index, rank: axes.count, missing: 0, minimum: 0, "output shape")
                // A wanted extent larger than the full one needs no padding: the rest stays zero.
                let total = max(full - extent, 0)
                axis.before = convolution.padding == .sameUpper ? total / 2 : total - total / 2
            } else {
                switch convolution.padding {
                case .explicit(let before, let after):
                    axis.before = try WindowGeometry.element(
                        before, index, rank: axes.count, missing: 0, minimum: 0, "padding")
                    let end = try WindowGeometry.element(
                        after, index, rank: axes.count, missing: 0, minimum: 0, "padding")
                    extent = full - axis.before - end
                case .valid:
                    extent = full
                case .sameUpper, .sameLower:
                    extent = axis.input * axis.stride
                    let total = max(full - extent, 0)
                    axis.before = convolution.padding == .sameUpper ? total / 2 : total - total / 2
                }
            }
            guard extent >= 0, extent <= Int(Int32.max) else {
                throw .shapeMismatch("the output extent \(extent) of spatial axis \(index) is impossible")
            }
            axis.output = axis.input
            axis.input = extent
            axes[index] = axis
        }
        return WindowGeometry(axes: axes)
    }

    private static func scatter<T: Lane>(
        _ operands: ConvolutionOperands, _ geometry: WindowGeometry, groups: Int, shape: Shape, _ lane: T.Type
    ) throws(KernelError) -> Tensor {
        let data = operands.data.widened(to: lane)
        var result = Tensor(zeros: shape, elementType: T.elementType)
        let positions = geometry.output.reduce(1, &*)
        let kernelCount = geometry.kernel.reduce(1, &*)
        let groupChannels = operands.channels / groups
        let groupOutputs = operands.weight.shape[1]
        guard result.elementCount > 0, positions > 0, groupChannels > 0 else {
            return addBias(result, operands.bias, lane).narrowed(to: operands.data.elementType)
        }
        let table = try WindowTable(geometry)
        // [C, M/g, k] becomes [g, M/g * k, C/g], so that a product over the channels gives all terms at once.
        let weight = ElementMoves.gather(
            operands.weight.widened(to: lane), shape: [groups, groupOutputs * kernelCount, groupChannels],
            strides: [groupChannels * groupOutputs * kernelCount, 1, groupOutputs * kernelCount], offset: 0)
        let rows = groupOutputs * kernelCount
        let outputSize = geometry.input.reduce(1, &*)
        let termShape = try KernelShapes.output([rows, positions], T.elementType)
        for block in 0..<shape[0] * groups {
            let group = block % groups
            let terms = multiply(
                weight.slice(outermost: group..<group + 1).reshaped(to: [rows, groupChannels]),
                data.reshaped(to: [shape[0] * groups, groupChannels, positions]).slice(outermost: block..<block + 1)
                    .reshaped(to: [groupChannels, positions]), shape: termShape, lane)
            result.withMutableElements(as: lane) { output in
                terms.withElements(as: lane) { term in
                    for row in 0..<rows {
                        let plane = (block * groupOutputs + row / kernelCount) * outputSize
                        let targets = table.indices[row % kernelCount]
                        for position in 0..<positions where targets[position] >= 0 {
                            let index = plane + Int(targets[position])
                            output[index] = output[index].adding(term[row * positions + position])
                        }
                    }
                }
            }
        }
        return addBias(result, operands.bias, lane).narrowed(to: operands.data.elementType)
    }
}
