/// Functions of one element that have no kernel but the plain one.
public enum ElementFunction: Hashable, Sendable {
    /// -1, 0 or 1.
    case sign
    case sine
    case cosine
    case tangent
    case arcSine
    case arcCosine
    case arcTangent
    case hyperbolicSine
    case hyperbolicCosine
    case inverseHyperbolicSine
    case inverseHyperbolicCosine
    case inverseHyperbolicTangent
    /// gamma * (x above 0, alpha * (e^x - 1) below).
    case selu(alpha: Float, gamma: Float)
    /// x above 0, alpha * (e^(x / alpha) - 1) below.
    case celu(alpha: Float)
    /// x / (1 + |x|).
    case softsign
    /// x * tanh(softplus(x)).
    case mish
    /// x * sigmoid(alpha * x).
    case swish(alpha: Float)
    /// x above alpha, 0 elsewhere.
    case thresholdedRelu(alpha: Float)
    /// x moved by `bias` toward 0 outside of -threshold...threshold, 0 inside.
    case shrink(bias: Float, threshold: Float)
}

extension ElementFunction {
    /// The name of the operator in ONNX.
    public var name: String {
        switch self {
        case .sign: "Sign"
        case .sine: "Sin"
        case .cosine: "Cos"
        case .tangent: "Tan"
        case .arcSine: "Asin"
        case .arcCosine: "Acos"
        case .arcTangent: "Atan"
        case .hyperbolicSine: "Sinh"
        case .hyperbolicCosine: "Cosh"
        case .inverseHyperbolicSine: "Asinh"
        case .inverseHyperbolicCosine: "Acosh"
        case .inverseHyperbolicTangent: "Atanh"
        case .selu: "Selu"
        case .celu: "Celu"
        case .softsign: "Softsign"
        case .mish: "Mish"
        case .swish: "Swish"
        case .thresholdedRelu: "ThresholdedRelu"
        case .shrink: "Shrink"
        }
    }
}
