import CKernels
import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// A module of the simulated device with what follows its sums: integers as long as only modules read them.
    ///
    /// A module without a scale is the float layer.
    func emitModule(_ group: FusedGroup, _ node: Node, _ op: MLUOperator) throws(ExecutionError) -> Bool {
        if node.input(.scale) == nil {
            switch op {
            case .convolution(let attributes): return try emitConvolution(group, node, attributes)
            case .linear: return try emitFloatLinear(group, node)
            }
        }
        guard let kernel = modules.kernels[group.anchor] else { return false }
        let source = try integers(kernel.source, kernel.parameters)
        let dequantization = try dequantization(of: group, kernel)
        emitBands(kernel, source, dequantization.step)
        if let result = dequantization.result { try define(outputName(of: group), [result]) }
        return true
    }

    /// The products of each band, and right after them what becomes of their sums.
    private func emitBands(_ kernel: ModuleKernel, _ source: SlotPosition, _ whole: DequantizeStep) {
        let isWide = kernel.source.elementType == .int16
        let most = kernel.bands.reduce(0) { max($0, $1.rows) }
        let sums = SlotPosition(
            slot: addSlot(.arena, byteCount: most * whole.channels * kernel.source.elementType.sumByteCount))
        var own: (weights: SlotPosition, workspace: SlotPosition)?
        for band in kernel.bands {
            let start = source.advanced(by: band.sourceOffset * kernel.source.elementType.byteCount)
            switch band.product {
            case .library(let primitive): append(.primitive(primitive, [start, sums]))
            case .own(let window):
                let operands = own ?? ownOperands(kernel, window)
                own = operands
                append(
                    .integerConvolution(
                        IntegerConvolutionStep(
                            window: window, source: start, weights: operands.weights,
                            workspace: operands.workspace, sums: sums, isWide: isWide)))
            }
            append(.dequantize(whole.part(rows: band.firstRow..<band.firstRow + band.rows, sums: sums)))
        }
    }

    /// Packed weights and the largest workspace of a module's bands.
    private func ownOperands(
        _ kernel: ModuleKernel, _ window: IntegerWindow
    ) -> (weights: SlotPosition, workspace: SlotPosition) {
        let isWide = kernel.source.elementType == .int16
        let packed = moduleWeights.packed(
            quantizedWeights(kernel.parameters, kernel.node), window, position: kernel.node,
            isShared: hasSharedWeights(kernel.node))
        var workspace = 0
        for case .own(let window) in kernel.bands.map(\.product) {
            workspace = max(
                workspace, window.workspaceByteCount(isWide: isWide, variant: IntegerArithmetic.variant))
        }
        return (constantSlot(packed), SlotPosition(slot: addSlot(.arena, byteCount: workspace)))
    }

    /// What becomes of all sums of a module, and the form of the floats when anyone reads them.
    private func dequantization(
        of group: FusedGroup, _ kernel: ModuleKernel
    ) throws(ExecutionError) -> (step: DequantizeStep, result: ValueForm?) {
        let channels = kernel.output.elementCount / kernel.rows
        let isWide = kernel.source.elementType == .int16
        let scales = kernel.parameters.scales
        let factors =
            isWide
            ? Tensor(shape: [channels], elements: (0..<channels).map { scales.scaleProduct(channel: $0) })
            : Tensor(shape: [channels], elements: (0..<channels).map { scales.dequantizationFactor(channel: $0) })
        // Adding -0 changes no number.
        let bias =
            kernel.parameters.bias ?? Tensor(shape: [channels], elements: [Float](repeating: -0.0, count: channels))
        let constants = (constantSlot(factors), constantSlot(bias))
        var step = DequantizeStep(
            sums: constants.0, isWide: isWide, rows: kernel.rows, channels: channels, factors: constants.0,
            bias: constants.1, bounds: (-.infinity, .infinity), addend: nil, lastBounds: (-.infinity, .infinity),
            result: nil, quantized: [])
        let layout =
            kernel.source.isChannelsLast
            ? StridedShape(channelsLast: kernel.output.dimensions) : StridedShape(rowMajor: kernel.output.dimensions)
        let addend = try applyOperations(of: group, to: &step, layout: layout)
        let name = outputName(of: group)
        let wanted = integersWanted(of: name, isChannelsLast: kernel.source.isChannelsLast)
        for form in wanted.forms { step.quantized.append(newQuantized(form, count: kernel.output.elementCount)) }
        guard wanted.needsFloats else {
            modules.withoutFloats.insert(name)
            return (step, nil)
        }
        let target = addend.flatMap { canOverwrite($0, by: group) ? $0 : nil } ?? newForm(layout)
        step.result = target.position
        return (step, ValueForm(position: target.position, layout: layout))
    }

    /// Fills in clamps and the addition; returns what is added.
    private func applyOperations(
        of group: FusedGroup, to step: inout DequantizeStep, layout: StridedShape
    ) throws(ExecutionError) -> ValueForm? {
        var addend: ValueForm?
        for operation in group.operations {
            switch operation {
            case .eltwise(let function):
                guard let bounds = function.clampBounds else { continue }
                if addend == nil { step.bounds = bounds } else { step.lastBounds = bounds }
            case .value(_, let name):
                let form = try form(of: name, layout: layout)
                step.addend = form.position
                addend = form
            case .constant: break
            }
        }
        return addend
    }

    private func newQuantized(_ form: QuantizedForm, count: Int) -> DequantizeStep.Quantized {
        let position = SlotPosition(slot: addSlot(.arena, byteCount: count * form.elementType.byteCount))
        modules.forms[form] = position
        return DequantizeStep.Quantized(
            position: position, scale: form.scale, isWide: form.elementType == .int16)
    }

    // MARK: Readers

    /// Which integer forms of a value modules read, and whether anyone reads its floats.
    func integersWanted(of value: String, isChannelsLast: Bool) -> (forms: [QuantizedForm], needsFloats: Bool) {
        var needsFloats =
            observed.contains(value) || resolved.graph.outputs.contains { $0.name == value }
        var forms: [QuantizedForm] = []
        for reader in modules.readers[value] ?? [] {
            guard let read = integersRead(from: value, by: reader),
                read.allSatisfy({ $0.isChannelsLast == isChannelsLast })
            else {
                needsFloats = true
                continue
            }
            for form in read where !forms.contains(form) { forms.append(form) }
        }
        // The kernel makes a few forms at once; further ones come from the floats.
        let limit = Int(TARE_INTEGER_MAX_RESULTS)
        return (Array(forms.prefix(limit)), needsFloats || forms.count > limit)
    }

    /// The integer forms of a value that one reader needs; `nil` when it reads floats.
    private func integersRead(from value: String, by reader: Int) -> [QuantizedForm]? {
        let node = resolved.graph.nodes[reader]
        if case .mlu = node.op {
            // Only the data can be a value that is computed.
            guard let kernel = modules.kernels[reader], kernel.parameters.mean == nil else { return nil }
            return [kernel.source]
        }
        guard case .maxPool(let attributes) = node.op, integerPoolingWindow(node, attributes) != nil else { return nil }
        let wanted = integersWanted(of: node.outputs[0], isChannelsLast: true)
        guard !wanted.needsFloats, !wanted.forms.isEmpty, wanted.forms.allSatisfy({ $0.elementType == .int8 }) else {
            return nil
        }
        return wanted.forms.map { $0.of(value) }
    }

    // MARK: Integers

    /// The integers that a module reads, made from the floats when nothing made them yet.
    private func integers(
        _ form: QuantizedForm, _ parameters: MLUParameters
    ) throws(ExecutionError) -> SlotPosition {
        if parameters.mean == nil, let existing = modules.forms[form] { return existing }
        let shape = try type(of: form.value).shape
        let position = SlotPosition(
            slot: addSlot(.arena, byteCount: shape.elementCount * form.elementType.byteCount))
        var step = QuantizeStep(
            source: position, destination: position, count: shape.elementCount, planes: nil, scale: form.scale,
            isWide: form.elementType == .int16)
        let existing = try existingForms(of: form.value)
        let rowMajor = StridedShape(rowMajor: shape.dimensions)
        let isInRows = existing.contains { $0.layout.coincides(with: rowMajor) }
        let isThere = existing.contains { $0.layout.coincides(with: StridedShape(channelsLast: shape.dimensions)) }
        if !form.isChannelsLast {
            step.source = try rowMajorForm(of: form.value).position
        } else if parameters.mean == nil, !isInRows || isThere {
            step.source = try channelsLastForm(of: form.value).position
        } else {
            step.source = try rowMajorForm(of: form.value).position
            step.planes = QuantizeStep.Planes(
                images: shape[0], count: shape[1], size: shape.elementCount / shape[0] / shape[1],
                mean: parameters.mean ?? [], std: parameters.std ?? [])
        }
        append(.quantize(step))
        // Pixels that were normalized are not the value's own integers.
        if parameters.mean == nil { modules.forms[form] = position }
        return position
    }

    // MARK: Pooling

    /// The window of a max pooling that bytes can go through: the largest number has the largest integer.
    func integerPoolingWindow(_ node: Node, _ attributes: PoolingAttributes) -> SlidingWindow? {
        guard node.outputs.dropFirst().allSatisfy(\.isEmpty),
            let input = floatShape(node.input(0)), let output = floatShape(node.outputs[0]),
            (3...5).contains(input.rank), input.elementCount > 0, output.elementCount > 0,
            let window = SlidingWindow(
                kernel: attributes.kernelShape, strides: attributes.strides, dilations: attributes.dilations,
                padding: attributes.padding, input: Array(input.dimensions.dropFirst(2)),
                output: Array(output.dimensions.dropFirst(2))),
            window.dilations.allSatisfy({ $0 == 1 }),
            window.isRegular(explicitAfter: attributes.padding.after, includesPadding: false)
        else { return nil }
        return window
    }

    /// Max pooling of bytes, when the value has no floats.
    func emitIntegerPooling(_ node: Node, _ attributes: PoolingAttributes) throws(ExecutionError) -> Bool {
        guard modules.withoutFloats.contains(node.inputs[0]),
            let window = integerPoolingWindow(node, attributes),
            let input = floatShape(node.input(0)), let output = floatShape(node.outputs[0])
        else { return false }
        let isUnsigned = isNeverNegative(node.inputs[0])
        for form in integersWanted(of: node.outputs[0], isChannelsLast: true).forms {
            guard let source = modules.forms[form.of(node.inputs[0])],
                let primitive = try create({ () throws(OneDNNError) in
                    try context.integerPooling(
                        source: StridedShape(channelsLast: input.dimensions),
                        destination: StridedShape(channelsLast: output.dimensions), window: window,
                        isUnsigned: isUnsigned)
                })
            else { throw .library(node: node.name, reason: "no max pooling of bytes") }
            let target = SlotPosition(slot: addSlot(.arena, byteCount: output.elementCount))
            append(.primitive(primitive, [source, target]))
            modules.forms[form] = target
        }
        modules.withoutFloats.insert(node.outputs[0])
        return true
    }
}
