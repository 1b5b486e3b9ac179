internal import Tensors

/// Operators on quantized integers that ONNX Runtime adds to ONNX: each tensor comes with one scale and one zero point.
public enum QuantizedOperator: Hashable, Sendable {
    /// Inputs: A, its scale and zero point, B, its scale and zero point, scale and zero point of the result; broadcast.
    case binary(Function)
    /// Inputs: X, its scale and zero point, scale and zero point of the result.
    case averagePool(PoolingAttributes)
    /// Inputs as of `averagePool`.
    case globalAveragePool
    /// Inputs as of `averagePool`; below 0 times the slope.
    case leakyRelu(slope: Float)
    /// Inputs as of `averagePool`.
    case sigmoid
    /// Inputs as of `averagePool`; over one axis, or over all axes from it on, as before opset 13.
    case softmax(axis: Int, overFollowingAxes: Bool)
    /// Inputs: scale and zero point of the result, then each tensor with its scale and zero point.
    case concat(axis: Int)

    /// A function of two elements.
    public enum Function: String, Hashable, Sendable, CaseIterable {
        case add = "Add"
        case multiply = "Mul"
    }
}

extension QuantizedOperator {
    /// The name of the operator in the domain of ONNX Runtime.
    var name: String {
        switch self {
        case .binary(let function): "QLinear\(function.rawValue)"
        case .averagePool: "QLinearAveragePool"
        case .globalAveragePool: "QLinearGlobalAveragePool"
        case .leakyRelu: "QLinearLeakyRelu"
        case .sigmoid: "QLinearSigmoid"
        case .softmax: "QLinearSoftmax"
        case .concat: "QLinearConcat"
        }
    }

    /// Zero points may be absent, so the positions after the first one are checked with the shapes.
    var signature: OperatorSignature {
        switch self {
        case .binary: OperatorSignature(2, upTo: 8)
        case .averagePool, .globalAveragePool, .leakyRelu, .sigmoid, .softmax: OperatorSignature(2, upTo: 5)
        case .concat: OperatorSignature(2, upTo: nil)
        }
    }
}

extension ShapeRule {
    func quantized(_ op: QuantizedOperator) throws(ShapeRuleError) -> [InferredValue] {
        let scales: [Int]
        switch op {
        case .binary: scales = [1, 4, 6]
        case .averagePool, .globalAveragePool, .leakyRelu, .sigmoid, .softmax: scales = [1, 3]
        case .concat:
            guard inputs.count >= 5, inputs.count % 3 == 2 else {
                throw ShapeRuleError("\(inputs.count) inputs are not scale, zero point and groups of three")
            }
            scales = [0] + stride(from: 3, to: inputs.count, by: 3)
        }
        for index in scales {
            let type = try required(index).type
            guard let dimensions = type.dimensions, dimensions != [], dimensions != [1] else { continue }
            guard dimensions.count <= 1, dimensions[0].fixedValue == nil else {
                throw ShapeRuleError("the scale at input \(index) is \(type), not one number")
            }
        }
        return try quantizedShape(op)
    }

    private func quantizedShape(_ op: QuantizedOperator) throws(ShapeRuleError) -> [InferredValue] {
        switch op {
        case .binary:
            let (left, right) = (try required(0), try required(3))
            return outputs(like: left, dimensions: try broadcast(left.type.dimensions, right.type.dimensions))
        case .averagePool(let attributes): return try pool(attributes)
        case .globalAveragePool: return try globalPool()
        case .leakyRelu, .sigmoid: return try sameAsInput()
        case .softmax(let axis, _): return try softmax(axis: axis)
        case .concat(let axis):
            let tensors = stride(from: 2, to: inputs.count, by: 3).map { optional($0) }
            return try ShapeRule(inputs: tensors, outputCount: outputCount).concat(axis: axis)
        }
    }
}
