import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// The shape of a value of 8-bit integers, and whether they have no sign; `nil` for other types.
    func byteShape(_ name: String?) -> (shape: Shape, isUnsigned: Bool)? {
        guard let name, let type = resolved.types[name], [.int8, .uint8].contains(type.elementType) else { return nil }
        return (type.shape, type.elementType == .uint8)
    }

    /// New memory for bytes in a dense layout.
    func newByteForm(_ layout: StridedShape) -> ValueForm {
        ValueForm(position: SlotPosition(slot: addSlot(.arena, byteCount: layout.elementCount)), layout: layout)
    }

    /// A constant's place.
    func constantSlot(_ tensor: Tensor) -> SlotPosition {
        SlotPosition(slot: addSlot(.constant(tensor), byteCount: tensor.byteCount))
    }

    /// Copies bytes from one layout to another, replaced by entries of a table when there is one.
    func moveBytes(from source: ValueForm, to target: ValueForm, table: [UInt8]? = nil) {
        append(
            .bytes(
                .move(
                    MoveBytesStep(
                        source: source.position, target: target.position,
                        loops: .init(from: source.layout, to: target.layout),
                        table: table.map { constantSlot(Tensor(shape: [$0.count], elements: $0)) }))))
    }

    // MARK: Modules

    /// A module of the quantized family over bytes, in the layouts in which they are.
    func emitQuantizedModule(_ group: FusedGroup, _ node: Node) throws(ExecutionError) -> Bool {
        guard let module = QuantizedModule(node, in: resolved) else { return false }
        switch module.op.kind {
        case .convolution(let attributes, let padding, let fusion):
            return try emitQuantizedConvolution(group, node, module, attributes, padding, fusion.activation)
        case .linear(let fusion): return try emitQuantizedLinear(group, node, module, fusion.activation)
        case .elemwise(let mode): return try emitQuantizedElemwise(node, module, mode)
        case .concat(let axis, let count): return try emitQuantizedConcat(node, module, axis: axis, count: count)
        case .quantStub: return try emitQuantStub(node, module)
        case .dequantStub: return try emitDequantStub(node, module)
        case .transposedConvolution, .batchMatMulActivation: return false
        }
    }

    private func emitQuantStub(_ node: Node, _ module: QuantizedModule) throws(ExecutionError) -> Bool {
        guard let shape = floatShape(node.input(0)), let output = module.output else { return false }
        let source = try denseForm(of: node.inputs[0])
        let target = newByteForm(source.layout)
        append(
            .bytes(
                .quantize(
                    QuantizeBytesStep(
                        source: source.position, count: shape.elementCount, quantizer: output, result: target.position))
            ))
        try define(node.outputs[0], [target])
        return true
    }

    private func emitDequantStub(_ node: Node, _ module: QuantizedModule) throws(ExecutionError) -> Bool {
        guard let meaning = module.data(0) else { return false }
        let source = try denseForm(of: node.inputs[0])
        let target = newForm(source.layout)
        append(
            .bytes(
                .dequantize(
                    DequantizeBytesStep(
                        source: ByteOperand(position: source.position, meaning: meaning),
                        count: source.layout.elementCount, result: target.position))))
        try define(node.outputs[0], [target])
        return true
    }

    // MARK: Element by element

    private func emitQuantizedElemwise(
        _ node: Node, _ module: QuantizedModule, _ mode: ElemwiseMode
    ) throws(ExecutionError) -> Bool {
        let count = mode.operandCount
        guard mode.hasQuantizedForm, count <= 2, let output = module.output else { return false }
        let shape = try type(of: node.outputs[0]).shape
        var meanings: [ByteMeaning] = []
        for index in 0..<count {
            guard let meaning = module.data(index), byteShape(node.inputs[index])?.shape == shape else { return false }
            meanings.append(meaning)
        }
        // In the layout of what was computed, not of a constant.
        let names = node.inputs.prefix(count)
        let layout = try denseForm(of: names.first { constant($0) == nil } ?? names[0]).layout
        var operands: [ByteOperand] = []
        for (name, meaning) in zip(names, meanings) {
            operands.append(ByteOperand(position: try form(of: name, layout: layout).position, meaning: meaning))
        }
        let target = newByteForm(layout)
        if let step = combination(mode, operands, output, count: shape.elementCount, result: target.position) {
            append(.bytes(.combine(step)))
        } else {
            guard let table = elemwiseTable(node, module, meanings) else { return false }
            append(
                .bytes(
                    .lookUp(
                        LookUpStep(
                            sources: operands.map(\.position), table: constantSlot(table), count: shape.elementCount,
                            result: target.position))))
        }
        try define(node.outputs[0], [target])
        return true
    }

    /// Modes that are one float32 addition or multiplication: the reference kernel computes them in `Double`, which rounds to the same.
    private func combination(
        _ mode: ElemwiseMode, _ operands: [ByteOperand], _ output: ByteQuantizer, count: Int, result: SlotPosition
    ) -> CombineStep? {
        var step: CombineStep
        switch mode {
        case .add, .mul, .fuseAddRelu:
            step = CombineStep(
                first: operands[0], second: operands[1], multiplies: mode == .mul, quantizer: output, count: count,
                result: result)
        default: return nil
        }
        // Rounding keeps the order, so a rectifier may come after it.
        if mode == .fuseAddRelu { step.quantizer.low = output.integer(of: 0) }
        return step
    }

    /// The results for every byte, or every pair of bytes, by the reference kernel.
    private func elemwiseTable(_ node: Node, _ module: QuantizedModule, _ meanings: [ByteMeaning]) -> Tensor? {
        guard let parameters = module.parameters else { return nil }
        let isPair = meanings.count == 2
        let count = isPair ? 1 << 16 : 1 << 8
        let data = meanings.indices.map { operand in
            Tensor.bytes(
                (0..<count).map { UInt8(truncatingIfNeeded: isPair && operand == 0 ? $0 >> 8 : $0) },
                isUnsigned: meanings[operand].isUnsigned)
        }
        let results = try? ReferenceKernels.evaluate(
            node.op, inputs: data + parameters, outputCount: 1, arithmetic: arithmetic)
        return results?.first
    }

    // MARK: Concatenation

    private func emitQuantizedConcat(
        _ node: Node, _ module: QuantizedModule, axis: Int, count: Int
    ) throws(ExecutionError) -> Bool {
        guard let output = module.output else { return false }
        let shape = try type(of: node.outputs[0]).shape
        let positive = axis < 0 ? axis + shape.rank : axis
        guard shape.dimensions.indices.contains(positive) else { return false }
        var tables: [[UInt8]?] = []
        for index in 0..<count {
            guard let meaning = module.data(index) else { return false }
            tables.append(Self.requantization(meaning, output))
        }
        let target = newByteForm(try concatenationLayout(shape, of: Array(node.inputs.prefix(count))))
        let ones = [Int](repeating: 1, count: shape.rank)
        var starts = [Int](repeating: 0, count: shape.rank)
        for (name, table) in zip(node.inputs, tables) {
            let extents = try type(of: name).shape.dimensions
            let part = part(of: target, starts: starts, extents: extents, steps: ones, elementByteCount: 1)
            moveBytes(from: try existingForms(of: name)[0], to: part, table: table)
            starts[positive] += extents[positive]
        }
        try define(node.outputs[0], [target])
        return true
    }

    /// What each byte becomes at another scale; `nil` when it stays.
    private static func requantization(_ meaning: ByteMeaning, _ output: ByteQuantizer) -> [UInt8]? {
        let table = meaning.integers.map {
            UInt8(truncatingIfNeeded: output.integer(of: Double(meaning.real($0))))
        }
        return table == (0..<256).map { UInt8($0) } ? nil : table
    }
}

extension Tensor {
    /// A row of bytes.
    fileprivate static func bytes(_ bytes: [UInt8], isUnsigned: Bool) -> Tensor {
        isUnsigned
            ? Tensor(shape: [bytes.count], elements: bytes)
            : Tensor(shape: [bytes.count], elements: bytes.map { Int8(bitPattern: $0) })
    }
}
