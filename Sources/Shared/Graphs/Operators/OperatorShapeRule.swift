internal import Tensors

extension Operator {
    /// The types of the outputs that follow from the inputs, and the elements of those that take part in shape
    /// computations.
    ///
    /// - Parameters:
    ///   - inputs: What is known about the inputs in order; `nil` is an absent optional input.
    ///   - outputCount: How many outputs the node declares.
    /// - Returns: `outputCount` values.
    /// - Throws: `ShapeRuleError` when the operator does not take the inputs' element types, or when the inputs do not fit each other or the
    ///   attributes.
    public func inferOutputTypes(
        inputs: [InferredValue?], outputCount: Int
    ) throws(ShapeRuleError) -> [InferredValue] {
        do {
            try elementTypes.check(inputs.map { $0?.type.elementType })
        } catch {
            throw ShapeRuleError(error.description)
        }
        let outputs = try shapeRule(ShapeRule(inputs: inputs, outputCount: outputCount))
        guard outputs.count >= outputCount else {
            throw ShapeRuleError("it has \(outputs.count) outputs, not \(outputCount)")
        }
        for (index, output) in outputs.prefix(outputCount).enumerated() { try Self.check(output.type, index) }
        return Array(outputs.prefix(outputCount))
    }

    /// Refuses extents that no tensor can have; a rule computes with whatever the model asks for.
    private static func check(_ type: TensorType, _ output: Int) throws(ShapeRuleError) {
        let extents = type.dimensions?.compactMap(\.fixedValue) ?? []
        if Shape(checking: extents) == nil {
            throw ShapeRuleError("output \(output) would be \(type), which is impossible or too large")
        }
    }

    private func shapeRule(_ rule: ShapeRule) throws(ShapeRuleError) -> [InferredValue] {
        switch self {
        case .convolution(let attributes): try rule.convolution(attributes)
        case .transposedConvolution(let attributes): try rule.transposedConvolution(attributes)
        case .matMul: try rule.matMul()
        case .gemm(let attributes): try rule.gemm(attributes)
        case .averagePool(let attributes): try rule.pool(attributes)
        case .maxPool(let attributes): try rule.maxPool(attributes)
        case .globalAveragePool, .globalMaxPool: try rule.globalPool()
        case .batchNormalization(let attributes): try rule.batchNormalization(attributes)
        case .layerNormalization(let attributes): try rule.layerNormalization(attributes)
        case .localResponseNormalization: try rule.sameAsInput()
        case .softmax(let axis), .logSoftmax(let axis): try rule.softmax(axis: axis)
        case .unary(let function): try rule.unary(function)
        case .binary(let function): try rule.binary(function)
        case .variadic(let function): try rule.variadic(function)
        case .clip: try rule.clip()
        case .cast(let attributes): try rule.cast(attributes)
        case .dropout: try rule.dropout()
        case .identity: [try rule.required(0)]
        case .element: try rule.sameAsInput()
        case .logic(let op): try rule.logic(op)
        case .arrangement(let op): try rule.arrangement(op)
        case .selection(let op): try rule.selection(op)
        case .ranking(let op): try rule.ranking(op)
        case .vision(let op): try rule.vision(op)
        case .signal(let op): try rule.signal(op)
        case .normalization(let op): try rule.normalization(op)
        case .algebra(let op): try rule.algebra(op)
        case .pooling(let op): try rule.pooling(op)
        case .loss(let op): try rule.loss(op)
        case .integer(let op): try rule.integer(op)
        case .quantized(let op): try rule.quantized(op)
        case .reduce(let attributes): try rule.reduce(attributes)
        case .reshape(let allowZero): try rule.reshape(allowZero: allowZero)
        case .flatten(let axis): try rule.flatten(axis: axis)
        case .transpose(let permutation): try rule.transpose(permutation)
        case .squeeze: try rule.squeeze()
        case .unsqueeze: try rule.unsqueeze()
        case .expand: try rule.expand()
        case .concat(let axis): try rule.concat(axis: axis)
        case .split(let axis, let count): try rule.split(axis: axis, declaredCount: count)
        case .slice: try rule.slice()
        case .pad: try rule.pad()
        case .gather(let axis): try rule.gather(axis: axis)
        case .shape(let start, let end): try rule.shape(start: start, end: end)
        case .constantOfShape(let value): try rule.constantOfShape(value)
        case .resize(let attributes): try rule.resize(attributes)
        case .lstm(let attributes): try rule.recurrent(attributes, stateCount: 2)
        case .gru(let attributes), .rnn(let attributes): try rule.recurrent(attributes, stateCount: 1)
        case .control(let op): try rule.control(op)
        case .quantizeLinear(let attributes): try rule.quantizeLinear(attributes)
        case .dequantizeLinear(let attributes): try rule.dequantizeLinear(attributes)
        case .mlu(let op): try rule.mlu(op)
        case .module(let module): try rule.module(module)
        case .fakeQuantize: try rule.sameAsInput()
        case .observe: try rule.observe()
        }
    }
}
