public import Tensors

/// Everything that a node can compute, with typed attributes.
///
/// Semantics, inputs and outputs are those of the ONNX operator of the same name in the newest opset that Tare reads, except that constants
/// which old opsets kept in attributes (axes, bounds, pads, splits) are always inputs here.
///
/// To add an operator: a case here with its shape rule in the file of its family in this folder, its ONNX name and
/// attributes in `ONNXFormat/Operators`, and its kernel in `Kernels/Reference`. A fast kernel in `Execution` is optional.
public enum Operator: Hashable, Sendable {
    // Convolution.swift
    case convolution(ConvolutionAttributes)
    case transposedConvolution(TransposedConvolutionAttributes)
    // Linear.swift
    case matMul
    case gemm(GemmAttributes)
    // Pooling.swift
    case averagePool(PoolingAttributes)
    case maxPool(PoolingAttributes)
    case globalAveragePool
    case globalMaxPool
    // Normalization.swift
    case batchNormalization(BatchNormalizationAttributes)
    case layerNormalization(LayerNormalizationAttributes)
    case localResponseNormalization(LocalResponseNormalizationAttributes)
    case softmax(axis: Int)
    case logSoftmax(axis: Int)
    // Elementwise.swift
    case unary(UnaryFunction)
    case binary(BinaryFunction)
    case variadic(VariadicFunction)
    /// Inputs: data, lower bound, upper bound (both optional scalars).
    case clip
    case cast(CastAttributes)
    /// Inference form: output 0 is the input, output 1 a mask of `true`.
    case dropout
    case identity
    // ElementFunctions.swift
    case element(ElementFunction)
    // Logic.swift, Arrangement.swift, Selection.swift, Ranking.swift
    case logic(LogicOperator)
    case arrangement(ArrangementOperator)
    case selection(SelectionOperator)
    case ranking(RankingOperator)
    // Vision.swift, Signals.swift
    case vision(VisionOperator)
    case signal(SignalOperator)
    // NormalizationOperator.swift, Algebra.swift, PoolingOperator.swift, LossOperator.swift
    case normalization(NormalizationOperator)
    case algebra(AlgebraOperator)
    case pooling(PoolingOperator)
    case loss(LossOperator)
    // IntegerOperator.swift, QuantizedOperator.swift
    case integer(IntegerOperator)
    /// Of ONNX Runtime.
    case quantized(QuantizedOperator)
    // Reduction.swift
    case reduce(ReductionAttributes)
    // ShapeManipulation.swift
    case reshape(allowZero: Bool)
    case flatten(axis: Int)
    case transpose(permutation: [Int]?)
    case squeeze
    case unsqueeze
    case expand
    case concat(axis: Int)
    /// `outputCount` is set when no `split` input gives the sizes.
    case split(axis: Int, outputCount: Int?)
    /// Inputs: data, starts, ends, axes (optional), steps (optional).
    case slice
    /// Inputs: data, pads, constant value (optional), axes (optional).
    case pad(PaddingMode)
    // Indexing.swift
    case gather(axis: Int)
    case shape(start: Int, end: Int?)
    case constantOfShape(value: Tensor)
    // Resize.swift
    case resize(ResizeAttributes)
    // Recurrent.swift
    case lstm(RecurrentAttributes)
    case gru(RecurrentAttributes)
    case rnn(RecurrentAttributes)
    // Control.swift
    /// Runs graphs of its own.
    case control(ControlOperator)
    // QuantizeDequantize.swift
    case quantizeLinear(QuantizeLinearAttributes)
    case dequantizeLinear(DequantizeLinearAttributes)
    // MLU.swift
    /// Not of ONNX: a module of the simulated device.
    case mlu(MLUOperator)
    // Modules
    /// Not of ONNX: a module that can be quantized, in one of its three families.
    case module(ModuleOperator)
    /// Not of ONNX: rounds to quantized values and back; differentiable.
    case fakeQuantize(FakeQuantizeAttributes)
    /// Not of ONNX: follows a tensor and gives scale and zero point.
    case observe(ObserveAttributes)
}
