internal import Quantization

extension Operator {
    /// The name of the operator in ONNX, such as `Conv`: what users write in options and read in messages.
    public var name: String {
        switch self {
        case .convolution: "Conv"
        case .transposedConvolution: "ConvTranspose"
        case .matMul: "MatMul"
        case .gemm: "Gemm"
        case .averagePool: "AveragePool"
        case .maxPool: "MaxPool"
        case .globalAveragePool: "GlobalAveragePool"
        case .globalMaxPool: "GlobalMaxPool"
        case .batchNormalization: "BatchNormalization"
        case .layerNormalization: "LayerNormalization"
        case .localResponseNormalization: "LRN"
        case .softmax: "Softmax"
        case .logSoftmax: "LogSoftmax"
        case .unary(let function): function.name
        case .binary(let function): function.name
        case .variadic(let function): function.name
        case .clip: "Clip"
        case .cast: "Cast"
        case .dropout: "Dropout"
        case .identity: "Identity"
        case .element(let function): function.name
        case .logic(let op): op.name
        case .arrangement(let op): op.name
        case .selection(let op): op.name
        case .ranking(let op): op.name
        case .vision(let op): op.name
        case .signal(let op): op.name
        case .normalization(let op): op.name
        case .algebra(let op): op.name
        case .pooling(let op): op.name
        case .loss(let op): op.name
        case .integer(let op): op.name
        case .quantized(let op): op.name
        case .reduce(let attributes): attributes.function.name
        case .reshape: "Reshape"
        case .flatten: "Flatten"
        case .transpose: "Transpose"
        case .squeeze: "Squeeze"
        case .unsqueeze: "Unsqueeze"
        case .expand: "Expand"
        case .concat: "Concat"
        case .split: "Split"
        case .slice: "Slice"
        case .pad: "Pad"
        case .gather: "Gather"
        case .shape: "Shape"
        case .constantOfShape: "ConstantOfShape"
        case .resize: "Resize"
        case .lstm: "LSTM"
        case .gru: "GRU"
        case .rnn: "RNN"
        case .control(let op): op.name
        case .quantizeLinear: "QuantizeLinear"
        case .dequantizeLinear: "DequantizeLinear"
        case .mlu(let op): op.name
        case .module(let module): module.name
        case .fakeQuantize(let attributes): attributes.specification.algorithm.rawValue
        case .observe: "Observe"
        }
    }
}

extension MLUOperator {
    /// The name by which messages call the operator.
    var name: String {
        switch self {
        case .convolution: "MLUConvolution"
        case .linear: "MLULinear"
        }
    }
}

extension UnaryFunction {
    /// The name of the operator in ONNX.
    public var name: String {
        switch self {
        case .absolute: "Abs"
        case .negate: "Neg"
        case .relu: "Relu"
        case .leakyRelu: "LeakyRelu"
        case .elu: "Elu"
        case .sigmoid: "Sigmoid"
        case .hardSigmoid: "HardSigmoid"
        case .hardSwish: "HardSwish"
        case .tanh: "Tanh"
        case .exp: "Exp"
        case .log: "Log"
        case .sqrt: "Sqrt"
        case .reciprocal: "Reciprocal"
        case .erf: "Erf"
        case .softplus: "Softplus"
        case .floor: "Floor"
        case .ceil: "Ceil"
        case .round: "Round"
        case .gelu: "Gelu"
        }
    }
}

extension BinaryFunction {
    /// The name of the operator in ONNX.
    public var name: String {
        switch self {
        case .add: "Add"
        case .subtract: "Sub"
        case .multiply: "Mul"
        case .divide: "Div"
        case .power: "Pow"
        case .parametricRelu: "PRelu"
        }
    }
}

extension VariadicFunction {
    /// The name of the operator in ONNX.
    public var name: String {
        switch self {
        case .sum: "Sum"
        case .mean: "Mean"
        case .minimum: "Min"
        case .maximum: "Max"
        }
    }
}

extension ReductionFunction {
    /// The name of the operator in ONNX.
    public var name: String {
        switch self {
        case .mean: "ReduceMean"
        case .sum: "ReduceSum"
        case .minimum: "ReduceMin"
        case .maximum: "ReduceMax"
        case .l2Norm: "ReduceL2"
        case .sumOfSquares: "ReduceSumSquare"
        case .l1Norm: "ReduceL1"
        case .product: "ReduceProd"
        case .logarithmOfSum: "ReduceLogSum"
        case .logarithmOfSumOfExponentials: "ReduceLogSumExp"
        }
    }
}
