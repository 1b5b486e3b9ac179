public import Graphs

/// The operators that ONNX Runtime's QDQ quantizer (1.31.1) quantizes by default, as far as the graph has them.
///
/// The raw value is the ONNX name. ONNX Runtime also lists ArgMax, CumSum, GatherElements, InstanceNormalization, TopK,
/// Where and EmbedLayerNormalization, which the graph does not have.
public enum QuantizableOperator: String, Sendable, Hashable, CaseIterable, Codable {
    case convolution = "Conv"
    case transposedConvolution = "ConvTranspose"
    case gemm = "Gemm"
    case matMul = "MatMul"
    case add = "Add"
    case multiply = "Mul"
    case relu = "Relu"
    case clip = "Clip"
    case leakyRelu = "LeakyRelu"
    case sigmoid = "Sigmoid"
    case softmax = "Softmax"
    case averagePool = "AveragePool"
    case globalAveragePool = "GlobalAveragePool"
    case maxPool = "MaxPool"
    case concat = "Concat"
    case split = "Split"
    case slice = "Slice"
    case pad = "Pad"
    case gather = "Gather"
    case reshape = "Reshape"
    case flatten = "Flatten"
    case transpose = "Transpose"
    case squeeze = "Squeeze"
    case unsqueeze = "Unsqueeze"
    case resize = "Resize"
    case batchNormalization = "BatchNormalization"
    case layerNormalization = "LayerNormalization"

    /// The kind of an operator, or `nil` when the quantizer always leaves it in floating point.
    public init?(_ op: Operator) {
        self.init(rawValue: op.name)
    }
}

extension QuantizableOperator {
    /// Whether input 2 is a bias that is added to the product of inputs 0 and 1.
    var addsBias: Bool {
        switch self {
        case .convolution, .transposedConvolution, .gemm, .batchNormalization, .layerNormalization: true
        default: false
        }
    }
}
