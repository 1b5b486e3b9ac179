public import Tensors

/// How parameters follow their gradients.
///
/// Both rules are PyTorch's, in float32; one thread, elements in any order because they do not meet.
public enum OptimizerRule: Sendable, Hashable, Codable {
    /// g += decay * w; v = momentum * v + g; w -= rate * v. The state is `momentum_buffer`, none when `momentum` is 0.
    case sgd(momentum: Float = 0)
    /// Adam with bias correction; the decay is added to the gradient. The state is `exp_avg` and `exp_avg_sq`.
    case adam(beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8)

    /// Last parts of the names of a parameter's state.
    public var stateKeys: [String] {
        switch self {
        case .sgd(let momentum): momentum == 0 ? [] : ["momentum_buffer"]
        case .adam: ["exp_avg", "exp_avg_sq"]
        }
    }
}

/// Changes parameters by their gradients and keeps what it needs to know from step to step.
public struct Optimizer: Sendable {
    /// The rule.
    public let rule: OptimizerRule
    /// Weight decay.
    public let weightDecay: Float
    /// Whether only parameters of rank 2 and more decay: not biases and the parameters of normalization.
    public let decaysMatricesOnly: Bool
    /// Number of steps that were made.
    public private(set) var step = 0
    /// Tensors of the parameters' shapes, named `<parameter>.<key>`; missing ones are zero.
    public private(set) var state: [String: Tensor] = [:]

    /// Makes an optimizer that has made no step.
    public init(_ rule: OptimizerRule, weightDecay: Float = 0, decaysMatricesOnly: Bool = false) {
        self.rule = rule
        self.weightDecay = weightDecay
        self.decaysMatricesOnly = decaysMatricesOnly
    }

    /// Goes on from a state that `state` gave after so many steps.
    ///
    /// - Throws: `TrainingError.mismatch` when a tensor is not float32.
    public mutating func restore(step: Int, state: [String: Tensor]) throws(TrainingError) {
        for name in state.keys.sorted() {
            guard let tensor = state[name], tensor.elementType == .float32 else {
                throw .mismatch(name: name, expected: "float32", actual: state[name]?.elementType.rawValue ?? "nothing")
            }
        }
        self.step = step
        self.state = state
    }

    /// Makes one step, in place.
    ///
    /// - Parameters:
    ///   - parameters: float32 tensors by name; those without a gradient stay.
    ///   - gradients: Gradients by the same names and of the same shapes.
    ///   - learningRate: How far to go.
    /// - Throws: `TrainingError.unknownValue` for a gradient without parameter, `mismatch` for one of another shape.
    public mutating func update(
        _ parameters: inout [String: Tensor], gradients: [String: Tensor], learningRate: Double
    ) throws(TrainingError) {
        let names = gradients.keys.sorted()
        for name in names {
            guard let parameter = parameters[name] else { throw .unknownValue(name: name) }
            try check(gradients[name], parameter, name: "gradient of \(name)")
            for key in rule.stateKeys {
                guard let kept = state["\(name).\(key)"] else { continue }
                try check(kept, parameter, name: "\(name).\(key)")
            }
        }
        step += 1
        for name in names {
            guard let gradient = gradients[name], var parameter = parameters.removeValue(forKey: name) else { continue }
            let decay = decaysMatricesOnly && parameter.shape.rank < 2 ? 0 : weightDecay
            var buffers: [Tensor] = []
            for key in rule.stateKeys {
                buffers.append(
                    state.removeValue(forKey: "\(name).\(key)") ?? Tensor(zeros: parameter.shape, elementType: .float32)
                )
            }
            OptimizerKernels.update(
                rule, &parameter, gradient, &buffers, rate: learningRate, decay: decay, step: step)
            for (key, buffer) in zip(rule.stateKeys, buffers) { state["\(name).\(key)"] = buffer }
            parameters[name] = parameter
        }
    }

    private func check(_ tensor: Tensor?, _ parameter: Tensor, name: String) throws(TrainingError) {
        guard let tensor, tensor.elementType == .float32, parameter.elementType == .float32,
            tensor.shape == parameter.shape
        else {
            throw .mismatch(
                name: name, expected: "float32\(parameter.shape)",
                actual: tensor.map { "\($0.elementType)\($0.shape)" } ?? "nothing")
        }
    }
}
