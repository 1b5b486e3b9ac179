internal import Graphs
internal import Tensors

extension Operator {
    /// The domain that has the operator; empty for ONNX's own.
    var domain: String {
        if case .quantized = self { QuantizedFamily.domain } else { "" }
    }

    /// The first opset whose form of the operator has everything that this one uses.
    var minimumOpset: Int {
        switch self {
        case .averagePool(let attributes): PoolingFamily.minimumOpset(average: attributes)
        case .layerNormalization: 17
        case .unary(.hardSwish): 14
        case .unary(.gelu): 20
        case .batchNormalization(let attributes): attributes.trainingMode ? 14 : 13
        case .element(let function): ElementFunctionFamily.minimumOpset(function)
        case .logic(let op): LogicFamily.minimumOpset(op)
        case .arrangement(let op): ArrangementFamily.minimumOpset(op)
        case .selection(let op): SelectionFamily.minimumOpset(op)
        case .ranking(let op): RankingFamily.minimumOpset(op)
        case .vision(let op): VisionFamily.minimumOpset(op)
        case .signal(let op): SignalFamily.minimumOpset(op)
        case .normalization(let op): NormalizationOperatorFamily.minimumOpset(op)
        case .pooling(let op): PoolingOperatorFamily.minimumOpset(op)
        case .reduce(let attributes): ReductionFamily.minimumOpset(attributes)
        case .reshape(let allowZero): allowZero ? 14 : 13
        case .pad(let mode): mode == .wrap ? 19 : 13
        case .shape(let start, let end): start != 0 || end != nil ? 15 : 13
        case .resize(let attributes): ResizeFamily.minimumOpset(attributes)
        case .lstm(let attributes), .gru(let attributes), .rnn(let attributes): attributes.batchFirst ? 14 : 13
        case .control(let op): ControlFamily.minimumOpset(op)
        case .quantizeLinear(let attributes): attributes.outputType == nil && attributes.blockSize == nil ? 13 : 21
        case .dequantizeLinear(let attributes): attributes.blockSize == nil ? 13 : 21
        case .convolution, .transposedConvolution, .matMul, .gemm, .maxPool, .globalAveragePool, .globalMaxPool,
            .localResponseNormalization, .softmax, .logSoftmax, .unary, .binary, .variadic, .clip, .cast, .dropout,
            .identity, .flatten, .transpose, .squeeze, .unsqueeze, .expand, .concat, .split, .slice, .gather,
            .constantOfShape, .algebra, .loss, .integer, .quantized, .mlu, .module, .fakeQuantize, .observe:
            13
        }
    }

    /// Sets the attributes of the operator in the form of the file's opset, and moves constants from inputs to attributes
    /// where that opset wants them there.
    func export(to node: inout NodeExport) throws(ONNXExportError) {
        switch self {
        case .convolution(let attributes): ConvolutionFamily.export(attributes, to: &node)
        case .transposedConvolution(let attributes): ConvolutionFamily.export(attributes, to: &node)
        case .gemm(let attributes): LinearFamily.export(attributes, to: &node)
        case .averagePool(let attributes):
            PoolingFamily.export(average: attributes, withDilations: node.opset >= 19, to: &node)
        case .maxPool(let attributes): PoolingFamily.export(maximum: attributes, to: &node)
        case .batchNormalization(let attributes): NormalizationFamily.export(attributes, to: &node)
        case .layerNormalization(let attributes): NormalizationFamily.export(attributes, to: &node)
        case .localResponseNormalization(let attributes): NormalizationFamily.export(attributes, to: &node)
        case .softmax(let axis), .logSoftmax(let axis), .flatten(let axis), .concat(let axis), .gather(let axis):
            node.set("axis", axis)
        case .unary(let function): ElementwiseFamily.export(function, to: &node)
        case .cast(let attributes): node.set("to", attributes.elementType.onnxCode)
        case .element(let function): ElementFunctionFamily.export(function, to: &node)
        case .logic(let op): LogicFamily.export(op, to: &node)
        case .arrangement(let op): ArrangementFamily.export(op, to: &node)
        case .selection(let op): SelectionFamily.export(op, to: &node)
        case .ranking(let op): RankingFamily.export(op, to: &node)
        case .vision(let op): VisionFamily.export(op, to: &node)
        case .signal(let op): SignalFamily.export(op, to: &node)
        case .normalization(let op): try NormalizationOperatorFamily.export(op, to: &node)
        case .algebra(let op): AlgebraFamily.export(op, to: &node)
        case .pooling(let op): PoolingOperatorFamily.export(op, to: &node)
        case .loss(let op): LossFamily.export(op, to: &node)
        case .integer(let op): IntegerFamily.export(op, to: &node)
        case .quantized(let op): try QuantizedFamily.export(op, to: &node)
        case .reduce(let attributes): try ReductionFamily.export(attributes, to: &node)
        case .reshape(let allowZero): if allowZero { node.set("allowzero", true) }
        case .transpose(let permutation): if let permutation { node.set("perm", permutation) }
        case .split(let axis, let count): ShapeManipulationFamily.exportSplit(axis: axis, count: count, to: &node)
        case .pad(let mode): try ShapeManipulationFamily.export(mode, to: &node)
        case .shape(let start, let end): IndexingFamily.exportShape(start: start, end: end, to: &node)
        case .constantOfShape(let value): node.set("value", value)
        case .resize(let attributes): ResizeFamily.export(attributes, to: &node)
        case .lstm(let attributes): RecurrentFamily.exportLSTM(attributes, to: &node)
        case .gru(let attributes): RecurrentFamily.exportGRU(attributes, to: &node)
        case .rnn(let attributes): RecurrentFamily.export(attributes, to: &node)
        case .control(let op): try ControlFamily.export(op, to: &node)
        case .quantizeLinear(let attributes): QuantizeDequantizeFamily.export(attributes, to: &node)
        case .dequantizeLinear(let attributes): QuantizeDequantizeFamily.export(attributes, to: &node)
        case .mlu:
            throw node.inexpressible("modules of the simulated device are not of ONNX; lower the graph first")
        case .module, .fakeQuantize, .observe:
            throw node.inexpressible("modules for training are not of ONNX; expand or lower the graph first")
        case .matMul, .globalAveragePool, .globalMaxPool, .binary, .variadic, .clip, .dropout, .identity, .squeeze,
            .unsqueeze, .expand, .slice:
            break
        }
    }
}
