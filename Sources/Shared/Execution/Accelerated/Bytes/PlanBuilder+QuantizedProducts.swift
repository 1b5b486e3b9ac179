import CKernels
import Graphs
import Kernels
import Tensors

/// The integer side of a quantized convolution or linear module.
struct QuantizedProduct {
    /// What the bytes of the data stand for.
    let data: ByteMeaning
    /// int8 weights, or int16 ones less their zero point.
    let weight: Tensor
    /// What becomes of the sums, still without places.
    let requantization: RequantizeStep
    /// The bias of each channel, several times over.
    let bias: Tensor
    /// Whether the library's sums are exact: it needs int8 operands without zero points and passes sums through float32.
    let suitsLibrary: Bool
    /// Position of the node.
    let node: Int

    /// Elements of `bias`: many channels' worth make long loops.
    private static let period = 256

    /// Checks that all sums fit int32 and all quotients a float.
    ///
    /// - Returns: `nil` when the reference kernel has to compute.
    init?(_ module: QuantizedModule, channels: Int, activation: ModuleActivation, node: Int) {
        guard let data = module.data(0), let (weight, meaning) = module.weight, var output = module.output,
            weight.shape[0] == channels
        else { return nil }
        let scale = data.scale * meaning.scale
        let usable = 0x1p-100...0x1p100
        guard usable.contains(Double(scale)), usable.contains(Double(scale) / output.divisor),
            let bias = module.bias(channels: channels, scale: scale)
        else { return nil }
        let (factors, norm) = Self.centred(weight, meaning)
        let largest = norm * data.largestMagnitude
        guard bias.allSatisfy({ largest + Int(abs($0)) <= Int(Int32.max) }) else { return nil }
        // Rounding keeps the order, so the activation may come after it.
        if let bounds = activation.bounds {
            guard !bounds.lower.isNaN, !bounds.upper.isNaN else { return nil }
            let (low, high) = (output.integer(of: bounds.lower), output.integer(of: bounds.upper))
            output.low = min(low, high)
            output.high = high
        }
        self.data = data
        self.weight = factors
        self.node = node
        suitsLibrary =
            factors.elementType == .int8 && !data.isUnsigned && data.zeroPoint == 0 && largest <= 1 << 24
        let repeats = max(Self.period / channels, 1)
        self.bias = Tensor(
            shape: [repeats * channels],
            elements: (0..<repeats).flatMap { _ in bias.map { Int32(truncatingIfNeeded: $0) } })
        let nowhere = SlotPosition(slot: 0)
        requantization = RequantizeStep(
            sums: nowhere, count: 0, bias: nowhere, period: repeats * channels, scale: Double(scale), quantizer: output,
            result: nowhere)
    }

    /// The weights less their zero point, and the largest sum of magnitudes of a channel.
    private static func centred(_ weight: Tensor, _ meaning: ByteMeaning) -> (Tensor, norm: Int) {
        let integers =
            meaning.isUnsigned
            ? weight.elements(as: UInt8.self).map(Int32.init) : weight.elements(as: Int8.self).map(Int32.init)
        let factors = integers.map { $0 - meaning.zeroPoint }
        let length = max(weight.elementCount / max(weight.shape[0], 1), 1)
        let norm = stride(from: 0, to: factors.count, by: length).reduce(0) { largest, start in
            max(largest, factors[start..<start + length].reduce(0) { $0 + Int(abs($1)) })
        }
        if !meaning.isUnsigned, meaning.zeroPoint == 0 { return (weight, norm) }
        return (Tensor(shape: weight.shape, elements: factors.map { Int16($0) }), norm)
    }
}

extension PlanBuilder {
    /// A convolution of bytes, channels innermost.
    func emitQuantizedConvolution(
        _ group: FusedGroup, _ node: Node, _ module: QuantizedModule, _ attributes: ConvolutionAttributes,
        _ padding: ModulePaddingMode, _ activation: ModuleActivation
    ) throws(ExecutionError) -> Bool {
        guard let data = byteShape(node.input(0))?.shape, let output = byteShape(node.outputs[0])?.shape,
            (3...5).contains(data.rank),
            let product = QuantizedProduct(module, channels: output[1], activation: activation, node: group.anchor),
            product.weight.shape.rank == data.rank, attributes.groups > 0,
            product.weight.shape[1] * attributes.groups == data[1], output[1] % attributes.groups == 0
        else { return false }
        var attributes = attributes
        var maps: [[Int]] = []
        var extents = Array(data.dimensions.dropFirst(2))
        if padding != .zeros, case .explicit(let before, let after) = attributes.padding, !before.isEmpty {
            guard before.count == extents.count, after.count == extents.count, (before + after).allSatisfy({ $0 >= 0 })
            else { return false }
            maps = zip(extents, zip(before, after)).map { padding.map(extent: $0, before: $1.0, after: $1.1) }
            extents = maps.map(\.count)
            attributes.padding = .explicit(before: [], after: [])
        }
        guard
            let window = SlidingWindow(
                kernel: Array(product.weight.shape.dimensions.dropFirst(2)), strides: attributes.strides,
                dilations: attributes.dilations, padding: attributes.padding, input: extents,
                output: Array(output.dimensions.dropFirst(2))),
            window.paddingBefore.allSatisfy({ $0 >= 0 })
        else { return false }
        var source = try channelsLastForm(of: node.inputs[0]).position
        let padded = [data[0], data[1]] + extents
        if padded != data.dimensions {
            source = gathered(source, data, maps, count: padded.reduce(1, *))
        }
        let target = newByteForm(StridedShape(channelsLast: output.dimensions))
        let bands = try convolutionBands(
            product, window: window, groups: attributes.groups, data: Shape(padded), output: output)
        emitBands(product, bands, source, channels: output[1], result: target.position)
        try define(node.outputs[0], [target])
        return true
    }

    private func gathered(_ source: SlotPosition, _ data: Shape, _ maps: [[Int]], count: Int) -> SlotPosition {
        let result = SlotPosition(slot: addSlot(.arena, byteCount: count))
        append(
            .bytes(
                .gather(
                    GatherPixelsStep(
                        source: source, images: data[0], pixelByteCount: data[1],
                        input: Array(data.dimensions.dropFirst(2)), maps: maps, result: result))))
        return result
    }

    /// A product of rows of bytes with a matrix.
    func emitQuantizedLinear(
        _ group: FusedGroup, _ node: Node, _ module: QuantizedModule, _ activation: ModuleActivation
    ) throws(ExecutionError) -> Bool {
        guard let data = byteShape(node.input(0))?.shape, let output = byteShape(node.outputs[0])?.shape,
            data.rank >= 2,
            let product = QuantizedProduct(
                module, channels: output[output.rank - 1], activation: activation, node: group.anchor),
            product.weight.shape.dimensions == [output[output.rank - 1], data[data.rank - 1]]
        else { return false }
        let (inputs, outputs) = (data[data.rank - 1], output[output.rank - 1])
        let rows = data.elementCount / inputs
        let source = try rowMajorForm(of: node.inputs[0]).position
        var window = IntegerWindow(rows: rows, inputs: inputs, outputs: outputs)
        window.setSource(product.data)
        var band = ModuleBand(sourceOffset: 0, firstRow: 0, rows: rows, product: .own(window))
        if product.suitsLibrary, IntegerArithmetic.isLibraryExact,
            let primitive = try create({ () throws(OneDNNError) in
                try context.integerMatmul(
                    source: StridedShape(rowMajor: [rows, inputs]),
                    destination: StridedShape(rowMajor: [rows, outputs]), weights: product.weight,
                    key: key(of: product),
                    sourceIsUnsigned: false)
            })
        {
            band.product = .library(primitive)
        }
        let target = newByteForm(StridedShape(rowMajor: output.dimensions))
        emitBands(product, [band], source, channels: outputs, result: target.position)
        try define(node.outputs[0], [target])
        return true
    }

    private func convolutionBands(
        _ product: QuantizedProduct, window: SlidingWindow, groups: Int, data: Shape, output: Shape
    ) throws(ExecutionError) -> [ModuleBand] {
        // Equal parts share a kernel.
        var primitives: [BandGeometry: OneDNNPrimitive] = [:]
        var bands: [ModuleBand] = []
        for (geometry, place) in BandGeometry.bands(
            data: data.dimensions, output: output.dimensions, window: window,
            bytesPerSum: MemoryLayout<Int32>.stride)
        {
            var own = IntegerWindow(
                window: geometry.window, groups: groups, data: Shape(geometry.source), outputChannels: output[1],
                output: Array(geometry.destination.dropFirst(2)))
            own.setSource(product.data)
            var band = ModuleBand(
                sourceOffset: place.sourceOffset, firstRow: place.firstRow,
                rows: geometry.destination[0] * geometry.destination.dropFirst(2).reduce(1, *), product: .own(own))
            if product.suitsLibrary, IntegerArithmetic.isLibraryExact {
                if primitives[geometry] == nil {
                    let convolution = ConvolutionPrimitive(
                        source: StridedShape(channelsLast: geometry.source),
                        destination: StridedShape(channelsLast: geometry.destination), window: geometry.window,
                        groups: groups, isTransposed: false, weights: product.weight, key: key(of: product), bias: nil,
                        postOperations: [])
                    primitives[geometry] = try create({ () throws(OneDNNError) in
                        try context.integerConvolution(convolution, sourceIsUnsigned: false)
                    })
                }
                if let primitive = primitives[geometry] { band.product = .library(primitive) }
            }
            bands.append(band)
        }
        return bands
    }

    /// The products of each band, and right after them what becomes of their sums.
    private func emitBands(
        _ product: QuantizedProduct, _ bands: [ModuleBand], _ source: SlotPosition, channels: Int, result: SlotPosition
    ) {
        let most = bands.reduce(0) { max($0, $1.rows) }
        let sums = SlotPosition(slot: addSlot(.arena, byteCount: most * channels * MemoryLayout<Int32>.stride))
        var step = product.requantization
        step.sums = sums
        step.bias = constantSlot(product.bias)
        var own: (weights: SlotPosition, workspace: SlotPosition)?
        for band in bands {
            let start = source.advanced(by: band.sourceOffset)
            switch band.product {
            case .library(let primitive): append(.primitive(primitive, [start, sums]))
            case .own(let window):
                let operands = own ?? ownOperands(product, bands, window)
                own = operands
                append(
                    .integerConvolution(
                        IntegerConvolutionStep(
                            window: window, source: start, weights: operands.weights, workspace: operands.workspace,
                            sums: sums, isWide: false)))
            }
            step.count = band.rows * channels
            step.result = result.advanced(by: band.firstRow * channels)
            append(.bytes(.requantize(step)))
        }
    }

    /// Packed weights and the largest workspace of the bands.
    private func ownOperands(
        _ product: QuantizedProduct, _ bands: [ModuleBand], _ window: IntegerWindow
    ) -> (weights: SlotPosition, workspace: SlotPosition) {
        let packed = moduleWeights.packed(
            product.weight, window, position: product.node, isShared: hasInitializerWeight(product))
        var workspace = 0
        for case .own(let window) in bands.map(\.product) {
            workspace = max(
                workspace, window.workspaceByteCount(isWide: false, variant: IntegerArithmetic.variant))
        }
        return (constantSlot(packed), SlotPosition(slot: addSlot(.arena, byteCount: workspace)))
    }

    private func key(of product: QuantizedProduct) -> UInt64 {
        weights.key(of: product.node, isShared: hasInitializerWeight(product))
    }

    private func hasInitializerWeight(_ product: QuantizedProduct) -> Bool {
        let node = resolved.graph.nodes[product.node]
        return resolved.areInitializers([node.parameter("weight"), node.parameter("weight_zero_point")])
    }
}

extension ModulePaddingMode {
    /// Where each element of a padded axis comes from.
    fileprivate func map(extent: Int, before: Int, after: Int) -> [Int] {
        (-before..<extent + after).map { position in
            guard self == .reflect else { return min(max(position, 0), extent - 1) }
            guard extent > 1 else { return 0 }
            let period = 2 * (extent - 1)
            let folded = ((position % period) + period) % period
            return min(folded, period - folded)
        }
    }
}

extension ModuleActivation {
    /// Between which real numbers it keeps its operand; `nil` when it changes nothing.
    fileprivate var bounds: (lower: Double, upper: Double)? {
        switch self {
        case .identity: nil
        case .relu: (0, .infinity)
        case .clip(let lower, let upper): (Double(lower), Double(upper))
        }
    }
}
