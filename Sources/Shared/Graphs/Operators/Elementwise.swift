public import Tensors

/// A function of one element.
public enum UnaryFunction: Hashable, Sendable {
    case absolute
    case negate
    case relu
    case leakyRelu(slope: Float)
    case elu(alpha: Float)
    case sigmoid
    case hardSigmoid(alpha: Float, beta: Float)
    case hardSwish
    case tanh
    case exp
    case log
    case sqrt
    case reciprocal
    case erf
    case softplus
    case floor
    case ceil
    /// Half to even.
    case round
    case gelu(tanhApproximation: Bool)
}

/// A function of two elements, with NumPy broadcasting.
public enum BinaryFunction: String, Hashable, Sendable, CaseIterable {
    case add
    case subtract
    case multiply
    case divide
    case power
    /// Inputs: data, slope; the slope broadcasts to the data.
    case parametricRelu
}

/// A function of any number of elements, with NumPy broadcasting.
public enum VariadicFunction: String, Hashable, Sendable, CaseIterable {
    case sum
    case mean
    case minimum
    case maximum
}

/// Attributes of `Cast`.
public struct CastAttributes: Hashable, Sendable {
    /// The type to convert to.
    public var elementType: ElementType

    /// Makes attributes.
    public init(to elementType: ElementType) {
        self.elementType = elementType
    }
}

extension ShapeRule {
    func unary(_ function: UnaryFunction) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        let elements = data.elements?.map { ElementArithmetic.unary(function, $0) }
        return [InferredValue(data.type, elements: elements)]
    }

    func binary(_ function: BinaryFunction) throws(ShapeRuleError) -> [InferredValue] {
        let left = try required(0)
        let right = try required(1)
        let dimensions = try broadcast(left.type.dimensions, right.type.dimensions)
        let elements = ElementArithmetic.broadcast(left, right) { ElementArithmetic.binary(function, $0, $1) }
        return [
            InferredValue(TensorType(elementType: left.type.elementType, dimensions: dimensions), elements: elements)
        ]
    }

    func variadic(_ function: VariadicFunction) throws(ShapeRuleError) -> [InferredValue] {
        var result = try required(0)
        if inputs.count > 1, function == .mean { result.elements = nil }
        for index in inputs.indices.dropFirst() {
            let next = try required(index)
            let dimensions = try broadcast(result.type.dimensions, next.type.dimensions)
            let elements = ElementArithmetic.broadcast(result, next) {
                ElementArithmetic.variadic(function, $0, $1)
            }
            let type = TensorType(elementType: result.type.elementType, dimensions: dimensions)
            result = InferredValue(type, elements: elements)
        }
        return [result]
    }

    func clip() throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        for index in 1...2 {
            guard let bound = optional(index) else { continue }
            if let dimensions = bound.type.dimensions, !dimensions.allSatisfy({ $0 == 1 || $0.fixedValue == nil }) {
                throw ShapeRuleError("bound \(index) is \(bound.type), not a scalar")
            }
        }
        return [InferredValue(data.type)]
    }

    func cast(_ attributes: CastAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        let elements = data.elements?.map { ElementArithmetic.cast($0, to: attributes.elementType) }
        let type = TensorType(elementType: attributes.elementType, dimensions: data.type.dimensions)
        return [InferredValue(type, elements: elements)]
    }

    func dropout() throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        return [data, InferredValue(TensorType(elementType: .bool, dimensions: data.type.dimensions))]
    }
}
