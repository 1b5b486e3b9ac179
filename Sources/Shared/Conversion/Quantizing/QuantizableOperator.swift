public import Graphs

/// The operators that ONNX Runtime's QDQ quantizer (1.31.1) quantizes by default, and those that only move or choose elements.
///
/// The raw value is the ONNX name. Of what ONNX Runtime lists only EmbedLayerNormalization is missing, which the importer writes out.
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
    case instanceNormalization = "InstanceNormalization"
    case gatherElements = "GatherElements"
    case select = "Where"
    case top = "TopK"
    case cumulativeSum = "CumSum"
    case positionOfMaximum = "ArgMax"
    // ONNX Runtime leaves these in floating point.
    case expand = "Expand"
    case tile = "Tile"
    case depthToSpace = "DepthToSpace"
    case spaceToDepth = "SpaceToDepth"
    case maximum = "ReduceMax"
    case minimum = "ReduceMin"
    case globalMaxPool = "GlobalMaxPool"

    /// The kind of an operator, or `nil` when the quantizer always leaves it in floating point.
    public init?(_ op: Operator) {
        self.init(rawValue: op.name)
    }
}

extension QuantizableOperator {
    /// Whether input 2 is a bias that is added to the product of inputs 0 and 1.
    var addsBias: Bool {
        switch self {
        case .convolution, .transposedConvolution, .gemm, .batchNormalization, .layerNormalization,
            .instanceNormalization:
            true
        default: false
        }
    }

    /// The input whose type decides whether a node can be quantized.
    var dataInput: Int { self == .select ? 1 : 0 }
}
