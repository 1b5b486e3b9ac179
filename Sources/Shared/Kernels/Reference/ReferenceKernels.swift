public import Graphs
public import Tensors

/// Plain implementations of every operator on row-major tensors: slow, simple, and what the fast kernels are tested against.
///
/// Semantics are those of the newest ONNX opset that Tare reads; where ONNX leaves a result open, that of ONNX Runtime on a CPU. float16 and
/// bfloat16 are computed in `Float` and rounded once at the end. Every sum has a fixed order that the kernel's comment
/// names, so results depend on neither machine nor blocking.
public enum ReferenceKernels {
    /// Computes one operator.
    ///
    /// - Parameters:
    ///   - op: The operator with its attributes.
    ///   - inputs: The operator's inputs in order; `nil` is an absent optional input.
    ///   - outputCount: How many outputs the node declares.
    ///   - arithmetic: How modules of the simulated device use their scales.
    /// - Returns: `outputCount` tensors.
    /// - Throws: `KernelError` when inputs are missing or have types, shapes or values that the operator does not take.
    ///   Types are checked here (`Operator.elementTypes`), for all kernels.
    public static func evaluate(
        _ op: Operator, inputs: [Tensor?], outputCount: Int, arithmetic: MLUArithmetic = .exact
    ) throws(KernelError) -> [Tensor] {
        do {
            try op.elementTypes.check(inputs.map { $0?.elementType })
        } catch {
            throw .unsupportedElementType(input: error.input, type: error.type.rawValue)
        }
        let results = try compute(op, KernelInputs(tensors: inputs), outputCount: outputCount, arithmetic)
        guard results.count >= outputCount else {
            throw .unsupported("the operator gives \(results.count) outputs but the node declares \(outputCount)")
        }
        return Array(results.prefix(outputCount))
    }

    private static func compute(
        _ op: Operator, _ inputs: KernelInputs, outputCount: Int, _ arithmetic: MLUArithmetic
    ) throws(KernelError) -> [Tensor] {
        switch op {
        case .convolution(let attributes): [try convolution(attributes, inputs)]
        case .transposedConvolution(let attributes): [try transposedConvolution(attributes, inputs)]
        case .matMul: [try matMul(inputs)]
        case .gemm(let attributes): [try gemm(attributes, inputs)]
        case .averagePool(let attributes): [try averagePool(attributes, inputs)]
        case .maxPool(let attributes): try maxPool(attributes, inputs, outputCount: outputCount)
        case .globalAveragePool: [try globalPool(inputs, maximum: false)]
        case .globalMaxPool: [try globalPool(inputs, maximum: true)]
        case .batchNormalization(let attributes): try batchNormalization(attributes, inputs)
        case .layerNormalization(let attributes): try layerNormalization(attributes, inputs)
        case .localResponseNormalization(let attributes): [try localResponseNormalization(attributes, inputs)]
        case .softmax(let axis): [try softmax(axis: axis, logarithm: false, inputs)]
        case .logSoftmax(let axis): [try softmax(axis: axis, logarithm: true, inputs)]
        case .unary(let function): [try unary(function, inputs)]
        case .binary(let function): [try binary(function, inputs)]
        case .variadic(let function): [try variadic(function, inputs)]
        case .clip: [try clip(inputs)]
        case .cast(let attributes): [try inputs.required(0).converted(to: attributes.elementType)]
        case .dropout: try dropout(inputs, outputCount: outputCount)
        case .identity: [try inputs.required(0)]
        case .element(let function): [try element(function, inputs)]
        case .logic(let op): [try logic(op, inputs)]
        case .arrangement(let op): [try arrangement(op, inputs)]
        case .selection(let op): try selection(op, inputs)
        case .ranking(let op): try ranking(op, inputs)
        case .vision(let op): [try vision(op, inputs)]
        case .signal(let op): [try signal(op, inputs)]
        case .normalization(let op): [try normalization(op, inputs)]
        case .algebra(let op): [try algebra(op, inputs)]
        case .pooling(let op): [try pooling(op, inputs)]
        case .loss(let op): try loss(op, inputs)
        case .integer(let op): try integer(op, inputs)
        case .quantized(let op): [try quantized(op, inputs)]
        case .reduce(let attributes): [try reduce(attributes, inputs)]
        case .reshape(let allowZero): [try reshape(allowZero: allowZero, inputs)]
        case .flatten(let axis): [try flatten(axis: axis, inputs)]
        case .transpose(let permutation): [try transpose(permutation: permutation, inputs)]
        case .squeeze: [try squeeze(inputs)]
        case .unsqueeze: [try unsqueeze(inputs)]
        case .expand: [try expand(inputs)]
        case .concat(let axis): [try concat(axis: axis, inputs)]
        case .split(let axis, let count): try split(axis: axis, count: count, inputs, outputCount: outputCount)
        case .slice: [try slice(inputs)]
        case .pad(let mode): [try pad(mode, inputs)]
        case .gather(let axis): [try gather(axis: axis, inputs)]
        case .shape(let start, let end): [try shape(start: start, end: end, inputs)]
        case .constantOfShape(let value): [try constantOfShape(value: value, inputs)]
        case .resize(let attributes): [try resize(attributes, inputs)]
        case .lstm(let attributes): try lstm(attributes, inputs)
        case .gru(let attributes): try gru(attributes, inputs)
        case .rnn(let attributes): try rnn(attributes, inputs)
        case .control: throw .unsupported("graphs inside of an operator are run by an executor")
        case .quantizeLinear(let attributes): [try quantizeLinear(attributes, inputs)]
        case .dequantizeLinear(let attributes): [try dequantizeLinear(attributes, inputs)]
        case .mlu(let op): [try mlu(op, inputs, arithmetic)]
        case .module(let op): [try module(op, inputs)]
        case .fakeQuantize(let attributes): [try fakeQuantize(attributes, inputs)]
        case .observe(let attributes): try observe(attributes, inputs)
        }
    }
}
