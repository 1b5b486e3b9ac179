import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// Steps of the library or of our own integer kernels.
    ///
    /// - Returns: Whether there is a fast way; if not, nothing was emitted.
    func emitFused(_ group: FusedGroup) throws(ExecutionError) -> Bool {
        let node = resolved.graph.nodes[group.anchor]
        guard canBeFast(group) else { return false }
        switch node.op {
        case .convolution(let attributes):
            return try emitConvolution(group, node, attributes)
        case .transposedConvolution(let attributes):
            return try emitTransposedConvolution(group, node, attributes)
        case .matMul: return try emitMatMul(group, node)
        case .gemm(let attributes): return try emitGemm(group, node, attributes)
        case .unary, .element, .clip: return try emitEltwise(group, node)
        case .binary, .variadic: return try emitBinary(group, node)
        case .averagePool(let attributes):
            let algorithm: PoolingAlgorithm = attributes.countIncludesPadding ? .averageIncludingPadding : .average
            if try emitBytePooling(node, attributes, algorithm) { return true }
            return try emitPooling(node, attributes, algorithm)
        case .maxPool(let attributes):
            if try emitIntegerPooling(node, attributes) { return true }
            if try emitBytePooling(node, attributes, .maximum) { return true }
            return try emitPooling(node, attributes, .maximum)
        case .globalAveragePool:
            if try emitBytePooling(node, nil, .average) { return true }
            return try emitGlobalPooling(node, .average)
        case .globalMaxPool:
            if try emitBytePooling(node, nil, .maximum) { return true }
            return try emitGlobalPooling(node, .maximum)
        case .batchNormalization(let attributes): return try emitBatchNormalization(group, node, attributes)
        case .layerNormalization(let attributes): return try emitLayerNormalization(node, attributes)
        case .localResponseNormalization(let attributes): return try emitLRN(node, attributes)
        case .softmax(let axis): return try emitSoftmax(node, axis: axis, logarithm: false)
        case .logSoftmax(let axis): return try emitSoftmax(node, axis: axis, logarithm: true)
        case .reduce(let attributes): return try emitReduction(node, attributes)
        case .resize(let attributes): return try emitResize(node, attributes)
        case .reshape, .flatten, .squeeze, .unsqueeze: return try emitReshape(node)
        case .identity, .dropout: return try emitIdentity(node)
        case .transpose(let permutation): return try emitTranspose(node, permutation)
        case .concat(let axis): return try emitConcat(node, axis: axis)
        case .split(let axis, _): return try emitSplit(node, axis: axis)
        case .slice: return try emitSlice(node)
        case .pad(let mode): return try emitPad(node, mode)
        case .mlu(let op): return try emitModule(group, node, op)
        case .quantizeLinear: return try emitQuantizationPair(group)
        case .module: return try emitQuantizedModule(group, node)
        case .fakeQuantize(let attributes): return try emitFakeQuantize(node, attributes)
        case .observe: return try emitObserve(node)
        case .lstm(let attributes): return try emitRecurrent(node, attributes, isLSTM: true)
        case .gru(let attributes): return try emitRecurrent(node, attributes, isLSTM: false)
        default: return false
        }
    }

    /// The library takes only tensors with elements, of bounded rank.
    private func canBeFast(_ group: FusedGroup) -> Bool {
        for index in group.nodes {
            let node = resolved.graph.nodes[index]
            for name in node.inputs + node.outputs where !name.isEmpty {
                guard let shape = resolved.types[name]?.shape else { return false }
                if shape.elementCount == 0 || shape.rank > StridedShape.maximumRank { return false }
            }
        }
        return true
    }

    /// One step of a reference kernel; `first` is the first operand when it is not taken row-major.
    func emitReference(_ node: Node, first: ReferenceCall.Operand? = nil) throws(ExecutionError) {
        var operands: [ReferenceCall.Operand] = []
        for (index, name) in node.inputs.enumerated() {
            if index == 0, let first {
                operands.append(first)
            } else if name.isEmpty {
                operands.append(.absent)
            } else if let constant = resolved.constants[name] {
                operands.append(.constant(constant))
            } else {
                let type = try type(of: name)
                let tensorType = TensorType(elementType: type.elementType, shape: type.shape)
                operands.append(.buffer(try rowMajorForm(of: name).position, tensorType, type.shape))
            }
        }
        var results: [ReferenceCall.Result?] = []
        var defined: [(String, ValueForm)] = []
        for name in node.outputs {
            guard !name.isEmpty else {
                results.append(nil)
                continue
            }
            let type = try type(of: name)
            let slot = addSlot(.arena, byteCount: type.shape.elementCount * type.elementType.byteCount)
            let position = SlotPosition(slot: slot)
            results.append(ReferenceCall.Result(position: position, elementType: type.elementType, shape: type.shape))
            defined.append(
                (name, ValueForm(position: position, layout: StridedShape(rowMajor: type.shape.dimensions))))
        }
        append(
            .reference(ReferenceCall(op: node.op, operands: operands, results: results, arithmetic: arithmetic)))
        for (name, form) in defined { try define(name, [form]) }
    }
}
