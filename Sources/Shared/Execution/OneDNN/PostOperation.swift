import CKernels
import Kernels
import Tensors

/// A function of one element that oneDNN computes, alone or at the end of another primitive.
struct EltwiseFunction: Hashable, Sendable {
    /// The shim's code.
    let code: Int32
    /// First parameter; its meaning depends on the function.
    let alpha: Float
    /// Second parameter.
    let beta: Float

    /// Makes a function.
    init(_ code: Int, alpha: Float = 0, beta: Float = 0) {
        self.code = Int32(code)
        self.alpha = alpha
        self.beta = beta
    }

    /// `max(x, 0)`.
    static let relu = EltwiseFunction(TARE_ONEDNN_RELU)
    /// `x * sigmoid(x)`.
    static let swish = EltwiseFunction(TARE_ONEDNN_SWISH, alpha: 1)
    /// `x * min(max(x + 3, 0), 6) / 6`.
    static let hardSwish = EltwiseFunction(TARE_ONEDNN_HARDSWISH)
    /// `x / 2 * (1 + erf(x / sqrt(2)))`.
    static let gelu = EltwiseFunction(TARE_ONEDNN_GELU_ERF)
    /// `min(max(x, lower), upper)`.
    static func clip(lower: Float, upper: Float) -> EltwiseFunction {
        EltwiseFunction(TARE_ONEDNN_CLIP, alpha: lower, beta: upper)
    }
    /// The bounds of `relu` and `clip`; `nil` for other functions.
    var clampBounds: (lower: Float, upper: Float)? {
        if self == .relu { return (0, .infinity) }
        return code == Int32(TARE_ONEDNN_CLIP) ? (alpha, beta) : nil
    }
    /// `x * x`.
    static let square = EltwiseFunction(TARE_ONEDNN_SQUARE)
    /// The square root.
    static let squareRoot = EltwiseFunction(TARE_ONEDNN_SQRT)
    /// `scale * x ^ exponent`.
    static func power(scale: Float, exponent: Float) -> EltwiseFunction {
        EltwiseFunction(TARE_ONEDNN_POWER, alpha: scale, beta: exponent)
    }
    /// `scale * x + shift`.
    static func linear(scale: Float, shift: Float) -> EltwiseFunction {
        EltwiseFunction(TARE_ONEDNN_LINEAR, alpha: scale, beta: shift)
    }
}

/// A function of two elements that oneDNN computes.
enum BinaryAlgorithm: Int32, Hashable, Sendable {
    case add
    case subtract
    case multiply
    case divide
    case minimum
    case maximum

    /// The shim's code.
    var code: Int32 {
        switch self {
        case .add: Int32(TARE_ONEDNN_ADD)
        case .subtract: Int32(TARE_ONEDNN_SUBTRACT)
        case .multiply: Int32(TARE_ONEDNN_MULTIPLY)
        case .divide: Int32(TARE_ONEDNN_DIVIDE)
        case .minimum: Int32(TARE_ONEDNN_MINIMUM)
        case .maximum: Int32(TARE_ONEDNN_MAXIMUM)
        }
    }
}

/// What happens to a primitive's result before it is stored.
enum PostOperation: Sendable {
    /// Adds what the destination held before.
    case sum
    /// Applies a function of one element.
    case eltwise(EltwiseFunction)
    /// Combines with another operand, which is an argument of the primitive unless constant.
    case binary(BinaryAlgorithm, operand: StridedShape, constant: Tensor?)
}
