internal import Graphs
internal import MLU
internal import Tensors
internal import Training

/// Tells observers of operators, such as a Dumper, what a training step computes, under the names of PyTorch's operator library.
///
/// A node's way back is called as its way forward, with `_backward` behind the name and the gradients that come in before its arguments;
/// the result is the gradient of each input that needs one. Training computes in float32 on the host.
final class TrainingCalls: TrainingObserver {
    private let observers: [any OperatorObserver]

    /// Makes a translator.
    ///
    /// - Parameter observers: Who is told.
    init(_ observers: [any OperatorObserver]) {
        self.observers = observers
    }

    func record(_ operation: TrainingOperation) {
        let call = Self.call(operation)
        let result = OperatorValue(results: operation.results.map(\.tensor))
        for observer in observers {
            observer.begin(call)
            observer.end(call, result: result, origin: .host) { result }
        }
    }

    private static func call(_ operation: TrainingOperation) -> OperatorCall {
        func forward(_ node: Node) -> OperatorCall {
            let tensors = Dictionary(
                operation.inputs.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
            return OperatorCall(node, value: { tensors[$0] })
        }
        switch operation.kind {
        case .forward(let node): return forward(node)
        case .backward(let node):
            let gradients = OperatorValue(results: operation.gradients.map(\.tensor))
            let call = forward(node)
            return OperatorCall(
                name: "\(call.name)_backward", arguments: [("grad_output", gradients)] + call.arguments)
        case .gradientSum:
            return OperatorCall(
                name: "add",
                arguments: zip(["self", "other"], operation.gradients).map { ($0, .tensor($1.tensor)) }
                    + [("alpha", .scalar(.integer(1)))])
        case .loss(let loss): return OperatorCall(name: loss.operatorName, arguments: arguments(of: operation, loss))
        case .lossGradient(let loss):
            return OperatorCall(name: "\(loss.operatorName)_backward", arguments: arguments(of: operation, loss))
        }
    }

    private static func arguments(
        of operation: TrainingOperation, _ loss: Loss
    ) -> [(name: String, value: OperatorValue)] {
        let tensors = operation.inputs.enumerated().map { index, input in
            let name = index == 0 ? "self" : input.name == "targets" ? "target" : input.name
            return (name: name, value: OperatorValue.tensor(input.tensor))
        }
        switch loss {
        case .crossEntropy(let labelSmoothing):
            return tensors + [("label_smoothing", .plain(.real(labelSmoothing)))]
        case .distillation(let weight, let temperature, let labelSmoothing):
            let settings = [("weight", weight), ("temperature", temperature), ("label_smoothing", labelSmoothing)]
            return tensors + settings.map { ($0, .plain(.real($1))) }
        case .meanSquaredError, .innerProduct: return tensors
        }
    }
}

extension Loss {
    /// The operator's name in PyTorch's library, which has none for a distillation.
    fileprivate var operatorName: String {
        switch self {
        case .crossEntropy: "cross_entropy_loss"
        case .distillation: "distillation_loss"
        case .meanSquaredError: "mse_loss"
        case .innerProduct: "dot"
        }
    }
}
