internal import Tensors

/// Operators on quantized integers, and what makes them from real numbers as the data come.
public enum IntegerOperator: Hashable, Sendable {
    /// Inputs: X, W, zero point of X, zero points of W (both optional); int32 sums.
    case convolution(ConvolutionAttributes)
    /// Inputs: A, B, zero points of A, zero points of B (both optional); int32 sums.
    case matMul
    /// Inputs: X, its scale and zero point, W, its scales and zero points, scale and zero point of the result, int32 bias
    /// (optional).
    case requantizedConvolution(ConvolutionAttributes)
    /// Inputs: A, its scales and zero points, B, its scales and zero points, scales and zero points of the result.
    case requantizedMatMul
    /// Outputs: uint8 integers, scale, zero point; the range of the data with 0 takes all 256 integers.
    case quantizeByRange
}

extension IntegerOperator {
    /// The name of the operator in ONNX.
    var name: String {
        switch self {
        case .convolution: "ConvInteger"
        case .matMul: "MatMulInteger"
        case .requantizedConvolution: "QLinearConv"
        case .requantizedMatMul: "QLinearMatMul"
        case .quantizeByRange: "DynamicQuantizeLinear"
        }
    }

    var signature: OperatorSignature {
        switch self {
        case .convolution, .matMul: OperatorSignature(2, upTo: 4)
        case .requantizedConvolution: OperatorSignature(8, upTo: 9)
        case .requantizedMatMul: OperatorSignature(inputs: 8)
        case .quantizeByRange: OperatorSignature(inputs: 1, outputs: 3)
        }
    }
}

extension ShapeRule {
    func integer(_ op: IntegerOperator) throws(ShapeRuleError) -> [InferredValue] {
        switch op {
        case .convolution(let attributes): return try selecting(0, 1).convolution(attributes).retyped(.int32)
        case .matMul: return try selecting(0, 1).matMul().retyped(.int32)
        case .requantizedConvolution(let attributes):
            return try selecting(0, 3, 8).convolution(attributes).retyped(required(7).type.elementType)
        case .requantizedMatMul: return try selecting(0, 3).matMul().retyped(required(7).type.elementType)
        case .quantizeByRange:
            let scalar = [Dimension]()
            return [
                InferredValue(TensorType(elementType: .uint8, dimensions: try required(0).type.dimensions)),
                InferredValue(TensorType(elementType: .float32, dimensions: scalar)),
                InferredValue(TensorType(elementType: .uint8, dimensions: scalar)),
            ]
        }
    }

    /// The rule for an operator that reads some of the inputs.
    func selecting(_ indices: Int...) -> ShapeRule {
        ShapeRule(inputs: indices.map { optional($0) }, outputCount: outputCount)
    }
}

extension [InferredValue] {
    /// The same shapes with another element type.
    func retyped(_ type: ElementType) -> [InferredValue] {
        map { InferredValue(TensorType(elementType: type, dimensions: $0.type.dimensions)) }
    }
}
