import CKernels
import Graphs

extension EltwiseFunction {
    /// oneDNN's form of an ONNX function; `nil` when it has none.
    init?(_ function: UnaryFunction) {
        switch function {
        case .absolute: self.init(TARE_ONEDNN_ABS)
        case .negate: self = .linear(scale: -1, shift: 0)
        case .relu: self = .relu
        case .leakyRelu(let slope): self.init(TARE_ONEDNN_RELU, alpha: slope)
        case .elu(let alpha): self.init(TARE_ONEDNN_ELU, alpha: alpha)
        case .sigmoid: self.init(TARE_ONEDNN_SIGMOID)
        case .hardSwish: self = .hardSwish
        case .tanh: self.init(TARE_ONEDNN_TANH)
        case .exp: self.init(TARE_ONEDNN_EXP)
        case .sqrt: self.init(TARE_ONEDNN_SQRT)
        case .reciprocal: self.init(TARE_ONEDNN_POWER, alpha: 1, beta: -1)
        case .round: self.init(TARE_ONEDNN_ROUND)
        case .gelu(let tanhApproximation): self.init(tanhApproximation ? TARE_ONEDNN_GELU_TANH : TARE_ONEDNN_GELU_ERF)
        // oneDNN's logarithm is off by 1e-6 near 1, where the result is near 0: all digits of it.
        // Its log(1 + e^x) has lost 1 % of the result at -10 and all of it at -17.
        case .log, .softplus, .hardSigmoid, .erf, .floor, .ceil: return nil
        }
    }

    /// oneDNN's form of a function that has no kernel of its own; `nil` when it has none.
    init?(_ function: ElementFunction) {
        guard case .swish(let alpha) = function else { return nil }
        self.init(TARE_ONEDNN_SWISH, alpha: alpha)
    }
}
