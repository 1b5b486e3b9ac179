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
