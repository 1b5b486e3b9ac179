import CKernels
import Graphs

extension StepMemory {
    /// y = a + b; y may be either.
    func add(_ a: Int, _ b: Int, to y: Int, count: Int) {
        unsafe tare_training_add(floats(a), floats(b), floats(y), count)
    }

    /// y = max(a + b, 0).
    func addRelu(_ a: Int, _ b: Int, to y: Int, count: Int) {
        unsafe tare_training_add_relu(floats(a), floats(b), floats(y), count)
    }

    /// y = factor * x; y may be x.
    func scale(_ x: Int, by factor: Float, to y: Int, count: Int) {
        unsafe tare_training_scale(floats(x), factor, floats(y), count)
    }

    func relu(_ x: Int, to y: Int, count: Int) {
        unsafe tare_training_relu(floats(x), floats(y), count)
    }

    func reluBackward(result y: Int, _ dy: Int, to dx: Int, count: Int) {
        unsafe tare_training_relu_backward(floats(y), floats(dy), floats(dx), count)
    }

    func clip(_ x: Int, lower: Int?, upper: Int?, to y: Int, count: Int) {
        unsafe tare_training_clip(floats(x), floats(lower), floats(upper), floats(y), count)
    }

    func clipBackward(_ x: Int, lower: Int?, upper: Int?, _ dy: Int, to dx: Int, count: Int) {
        unsafe tare_training_clip_backward(floats(x), floats(lower), floats(upper), floats(dy), floats(dx), count)
    }

    func unary(_ function: ShimUnary, _ x: Int, to y: Int, count: Int) {
        unsafe tare_training_unary(function.code, function.alpha, function.beta, floats(x), floats(y), count)
    }

    func unaryBackward(_ function: ShimUnary, _ x: Int, result y: Int, _ dy: Int, to dx: Int, count: Int) {
        unsafe tare_training_unary_backward(
            function.code, function.alpha, function.beta, floats(x), floats(y), floats(dy), floats(dx), count)
    }

    /// An operand with broadcasting.
    struct Operand {
        var slot: Int
        /// Which element belongs to each one of the result; `nil` when the elements lie there as they are, once or over and over.
        var table: Int?
        /// Number of elements that the result repeats; `nil` is one for one.
        var period: Int?
    }

    func binary(_ function: ShimBinary, _ a: Operand, _ b: Operand, to y: Int, count: Int) {
        unsafe tare_training_binary(function.code, operand(a), operand(b), floats(y), count)
    }

    /// What each element of the result contributes to the gradient of one operand.
    func binaryBackward(
        _ function: ShimBinary, second: Bool, _ a: Operand, _ b: Operand, _ dy: Int, to dx: Int, count: Int
    ) {
        unsafe tare_training_binary_backward(
            function.code, second ? 1 : 0, operand(a), operand(b), floats(dy), floats(dx), count)
    }

    private func operand(_ operand: Operand) -> tare_training_operand {
        unsafe tare_training_operand(
            values: floats(operand.slot), table: table(operand.table), period: operand.period ?? 0)
    }
}

/// A function of one element as the kernels number it.
struct ShimUnary {
    let code: Int32
    var alpha: Float = 0
    var beta: Float = 0

    /// - Returns: `nil` for ReLU, which has kernels of its own.
    init?(_ function: UnaryFunction) {
        switch function {
        case .relu: return nil
        case .absolute: code = Int32(TARE_TRAINING_ABSOLUTE)
        case .negate: code = Int32(TARE_TRAINING_NEGATE)
        case .leakyRelu(let slope):
            code = Int32(TARE_TRAINING_LEAKY_RELU)
            alpha = slope
        case .elu(let factor):
            code = Int32(TARE_TRAINING_ELU)
            alpha = factor
        case .sigmoid: code = Int32(TARE_TRAINING_SIGMOID)
        case .hardSigmoid(let slope, let offset):
            code = Int32(TARE_TRAINING_HARD_SIGMOID)
            alpha = slope
            beta = offset
        case .hardSwish: code = Int32(TARE_TRAINING_HARD_SWISH)
        case .tanh: code = Int32(TARE_TRAINING_TANH)
        case .exp: code = Int32(TARE_TRAINING_EXP)
        case .log: code = Int32(TARE_TRAINING_LOG)
        case .sqrt: code = Int32(TARE_TRAINING_SQRT)
        case .reciprocal: code = Int32(TARE_TRAINING_RECIPROCAL)
        case .erf: code = Int32(TARE_TRAINING_ERF)
        case .softplus: code = Int32(TARE_TRAINING_SOFTPLUS)
        case .floor: code = Int32(TARE_TRAINING_FLOOR)
        case .ceil: code = Int32(TARE_TRAINING_CEIL)
        case .round: code = Int32(TARE_TRAINING_ROUND)
        case .gelu(let isTanh):
            code = Int32(isTanh ? TARE_TRAINING_GELU_TANH : TARE_TRAINING_GELU_ERF)
        }
    }
}

/// A function of two elements as the kernels number it.
struct ShimBinary {
    let code: Int32
    /// Whether the gradients are those of the result, unchanged.
    let isAddition: Bool

    init(_ function: BinaryFunction) {
        switch function {
        case .add: code = Int32(TARE_TRAINING_ADD)
        case .subtract: code = Int32(TARE_TRAINING_SUBTRACT)
        case .multiply: code = Int32(TARE_TRAINING_MULTIPLY)
        case .divide: code = Int32(TARE_TRAINING_DIVIDE)
        case .power: code = Int32(TARE_TRAINING_POWER)
        case .parametricRelu: code = Int32(TARE_TRAINING_PARAMETRIC_RELU)
        }
        isAddition = function == .add
    }

    /// What the function does to two of its operands; a mean is a sum that is divided at the end.
    init(_ function: VariadicFunction) {
        switch function {
        case .sum, .mean: code = Int32(TARE_TRAINING_ADD)
        case .minimum: code = Int32(TARE_TRAINING_MINIMUM)
        case .maximum: code = Int32(TARE_TRAINING_MAXIMUM)
        }
        isAddition = function == .sum || function == .mean
    }
}
