import Graphs
import Tensors

extension ReferenceKernels {
    /// Convolution over any number of spatial axes.
    ///
    /// Each output element is the sum over input channels, then kernel positions in row-major order, starting from 0;
    /// the bias is added last. Padded elements take part as zeros.
    static func convolution(_ attributes: ConvolutionAttributes, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let operands = try ConvolutionOperands(inputs, groups: attributes.groups)
        let window = try windows(attributes, operands)
        let type = operands.data.elementType
        if type == .float64 {
            return try convolve(
                operands, window.geometry, groups: attributes.groups, shape: window.shape, Double.self, to: type)
        }
        return try convolve(
            operands, window.geometry, groups: attributes.groups, shape: window.shape, Float.self, to: type)
    }

    /// Checks that weight, bias and data fit each other; where the windows lie, and the shape of the result.
    static func windows(
        _ attributes: ConvolutionAttributes, _ operands: ConvolutionOperands
    ) throws(KernelError) -> (geometry: WindowGeometry, shape: Shape) {
        let spatial = Array(operands.data.shape.dimensions.dropFirst(2))
        let kernel = Array(operands.weight.shape.dimensions.dropFirst(2))
        try operands.check(kernelShape: attributes.kernelShape)
        guard operands.weight.shape[1] == operands.channels / attributes.groups else {
            throw .shapeMismatch(
                "weight \(operands.weight.shape) does not fit data \(operands.data.shape) in \(attributes.groups) groups"
            )
        }
        let outputChannels = operands.weight.shape[0]
        guard outputChannels % attributes.groups == 0 else {
            throw .shapeMismatch("\(outputChannels) output channels do not divide into \(attributes.groups) groups")
        }
        try operands.check(biasCount: outputChannels)
        let geometry = try WindowGeometry(
            input: spatial, kernel: kernel, strides: attributes.strides, dilations: attributes.dilations,
            padding: attributes.padding)
        let shape = try KernelShapes.output(
            [operands.data.shape[0], outputChannels] + geometry.output, operands.data.elementType)
        return (geometry, shape)
    }

    /// The sums of a convolution, computed in a lane and converted to `type`.
    static func convolve<T: Lane>(
        _ operands: ConvolutionOperands, _ geometry: WindowGeometry, groups: Int, shape: Shape, _ lane: T.Type,
        to type: ElementType
    ) throws(KernelError) -> Tensor {
        let data = operands.data.widened(to: lane)
        let weight = operands.weight.widened(to: lane)
        var result = Tensor(zeros: shape, elementType: T.elementType)
        guard result.elementCount > 0, weight.elementCount > 0 else {
            return addBias(result, operands.bias, lane).narrowed(to: type)
        }
        let isPointwise = geometry.axes.allSatisfy { $0.kernel == 1 && $0.stride == 1 && $0.before + $0.after == 0 }
        let table = isPointwise ? nil : try WindowTable(geometry)
        let positions = geometry.output.reduce(1, &*)
        let channelSize = geometry.input.reduce(1, &*)
        let groupChannels = weight.shape[1]
        let depth = KernelShapes.count(weight.shape.dimensions[1...])
        let groupRows = shape[1] / groups
        let tile = columnTile(depth: depth, columns: positions, elementSize: MemoryLayout<T>.stride)
        var columns = [T](repeating: T.zero, count: table == nil ? 0 : depth * tile)
        unsafe result.withUnsafeMutableBytes { resultBytes in
            unsafe data.withUnsafeBytes { dataBytes in
                unsafe weight.withUnsafeBytes { weightBytes in
                    unsafe columns.withUnsafeMutableBufferPointer { buffer in
                        let output = unsafe resultBytes.assumingMemoryBound(to: T.self).baseAddress
                        let input = unsafe dataBytes.assumingMemoryBound(to: T.self).baseAddress
                        let factors = unsafe weightBytes.assumingMemoryBound(to: T.self).baseAddress
                        guard let output = unsafe output, let input = unsafe input, let factors = unsafe factors else {
                            return
                        }
                        for block in 0..<shape[0] * groups {
                            let group = block % groups
                            let source = unsafe input + block * groupChannels * channelSize
                            var start = 0
                            while start < positions {
                                let count = min(tile, positions - start)
                                var right = unsafe UnsafePointer(source + start)
                                var rightStride = positions
                                if let table, let base = buffer.baseAddress {
                                    unsafe fill(
                                        base, from: source, table, channels: groupChannels, channelSize: channelSize,
                                        columns: start..<start + count)
                                    unsafe right = UnsafePointer(base)
                                    rightStride = count
                                }
                                unsafe T.accumulateProduct(
                                    target: output + block * groupRows * positions + start, targetStride: positions,
                                    left: factors + group * groupRows * depth, leftStride: depth, right: right,
                                    rightStride: rightStride, rows: groupRows, depth: depth, columns: count)
                                start += count
                            }
                        }
                    }
                }
            }
        }
        return addBias(result, operands.bias, lane).narrowed(to: type)
    }

    /// Lays out the elements under the windows of some output positions: one row per channel and kernel element.
    @unsafe
    private static func fill<T: Lane>(
        _ buffer: UnsafeMutablePointer<T>, from source: UnsafePointer<T>, _ table: WindowTable, channels: Int,
        channelSize: Int, columns: Range<Int>
    ) {
        var row = unsafe buffer
        for channel in 0..<channels {
            let plane = unsafe source + channel * channelSize
            for indices in table.indices {
                unsafe indices.withUnsafeBufferPointer { list in
                    guard let base = list.baseAddress else { return }
                    unsafe T.gather(
                        row, from: plane, indices: base + columns.lowerBound, count: columns.count)
                }
                unsafe row += columns.count
            }
        }
    }

    /// How many columns of a product fit the cache together with all their rows.
    static func columnTile(depth: Int, columns: Int, elementSize: Int) -> Int {
        let fitting = (1 << 20) / max(depth &* elementSize, 1)
        return max(1, min(columns, max(64, min(fitting, 2048))))
    }

    /// Adds one number per channel (axis 1).
    static func addBias<T: Lane>(_ tensor: Tensor, _ bias: Tensor?, _ lane: T.Type) -> Tensor {
        guard let bias else { return tensor }
        let terms = bias.widened(to: lane).elements(as: lane)
        let size = KernelShapes.count(tensor.shape.dimensions[2...])
        guard size > 0 else { return tensor }
        var result = tensor
        result.withMutableElements(as: lane) { values in
            var channel = 0
            var start = 0
            while start < values.count {
                let term = terms[channel]
                for index in start..<start + size { values[index] = values[index].adding(term) }
                start += size
                channel = channel + 1 == terms.count ? 0 : channel + 1
            }
        }
        return result
    }
}

/// The checked inputs of a convolution: data [N, C, ...], weight, bias (optional).
struct ConvolutionOperands {
    let data: Tensor
    let weight: Tensor
    let bias: Tensor?
    /// Input channels.
    var channels: Int { data.shape[1] }

    /// Checks types, ranks and that the groups divide the channels.
    init(_ inputs: KernelInputs, groups: Int) throws(KernelError) {
        data = try inputs.required(0)
        weight = try inputs.required(1)
        bias = inputs.optional(2)
        try check(groups: groups)
    }

    /// Takes quantized operands; checks ranks and that the groups divide the channels.
    init(data: Tensor, weight: Tensor, groups: Int) throws(KernelError) {
        self.data = data
        self.weight = weight
        bias = nil
        try check(groups: groups)
    }

    private func check(groups: Int) throws(KernelError) {
        guard data.shape.rank >= 2, weight.shape.rank == data.shape.rank else {
            throw .shapeMismatch("data \(data.shape) and weight \(weight.shape) must have the same rank, at least 2")
        }
        guard groups >= 1 else { throw .invalidArgument("the number of groups is \(groups); it must be at least 1") }
        guard data.shape[1] % groups == 0 else {
            throw .shapeMismatch("\(data.shape[1]) channels do not divide into \(groups) groups")
        }
    }

    /// Checks that the attribute, when it is there, agrees with the weight.
    func check(kernelShape: [Int]?) throws(KernelError) {
        guard let kernelShape, kernelShape != Array(weight.shape.dimensions.dropFirst(2)) else { return }
        throw .shapeMismatch("kernel_shape \(kernelShape) disagrees with the weight \(weight.shape)")
    }

    /// Checks that there is one bias per output channel.
    func check(biasCount: Int) throws(KernelError) {
        guard let bias, bias.shape.dimensions != [biasCount] else { return }
        throw .shapeMismatch("bias \(bias.shape) does not have \(biasCount) elements, one per output channel")
    }
}
