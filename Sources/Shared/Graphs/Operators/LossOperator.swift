internal import Tensors

/// Losses of classes that a model file computes itself.
///
/// Inputs: scores [N, C, ...], classes [N, ...] as integers, weights of the classes [C] (optional).
public enum LossOperator: Hashable, Sendable {
    /// The scores are logarithms of probabilities.
    case negativeLogLikelihood(Reduction, ignoredClass: Int?)
    /// The scores are of any kind; output 1 is the logarithm of their softmax.
    case crossEntropy(Reduction, ignoredClass: Int?)

    /// What becomes of the losses of all elements.
    public enum Reduction: String, Hashable, Sendable, CaseIterable {
        case none
        case sum
        /// The sum divided by that of the weights.
        case mean
    }
}

extension LossOperator {
    /// The name of the operator in ONNX.
    var name: String {
        switch self {
        case .negativeLogLikelihood: "NegativeLogLikelihoodLoss"
        case .crossEntropy: "SoftmaxCrossEntropyLoss"
        }
    }

    var signature: OperatorSignature {
        switch self {
        case .negativeLogLikelihood: OperatorSignature(2, upTo: 3)
        case .crossEntropy: OperatorSignature(2, upTo: 3, outputs: 2)
        }
    }

    /// What becomes of the losses of all elements.
    public var reduction: Reduction {
        switch self {
        case .negativeLogLikelihood(let reduction, _), .crossEntropy(let reduction, _): reduction
        }
    }

    /// The class whose elements do not count.
    public var ignoredClass: Int? {
        switch self {
        case .negativeLogLikelihood(_, let ignoredClass), .crossEntropy(_, let ignoredClass): ignoredClass
        }
    }
}

extension ShapeRule {
    func loss(_ op: LossOperator) throws(ShapeRuleError) -> [InferredValue] {
        let scores = try required(0)
        let classes = try required(1)
        var elements = classes.type.dimensions
        if let dimensions = scores.type.dimensions {
            guard dimensions.count >= 2 else {
                throw ShapeRuleError("the scores have rank \(dimensions.count), but batch and classes are needed")
            }
            let expected = dimensions[..<1] + dimensions[2...]
            if let given = classes.type.dimensions {
                guard given.count == expected.count else {
                    throw ShapeRuleError("classes of rank \(given.count) do not fit scores of rank \(dimensions.count)")
                }
                for (first, second) in zip(given, expected) { _ = try unified(first, second, "scores and classes") }
            }
            elements = Array(expected)
            if let weights = optional(2)?.type.dimensions {
                guard weights.count == 1 else { throw ShapeRuleError("the weights have rank \(weights.count), not 1") }
                _ = try unified(weights[0], dimensions[1], "weights and classes")
            }
        }
        return outputs(like: scores, dimensions: op.reduction == .none ? elements : []) + [InferredValue(scores.type)]
    }
}
