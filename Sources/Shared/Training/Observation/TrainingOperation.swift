public import Graphs
public import Tensors

/// One operation of a training step, with what it read and what it made; tensors are row-major.
public struct TrainingOperation: Sendable {
    /// What is computed.
    public enum Kind: Sendable {
        /// A node of the graph.
        case forward(Node)
        /// The loss of the batch.
        case loss(Loss)
        /// The gradient of the loss with respect to what it reads.
        case lossGradient(Loss)
        /// The gradients of a node's inputs, given those of its outputs.
        case backward(Node)
        /// The sum of two contributions to the gradient of one value.
        case gradientSum
    }

    /// A value of the graph, or the gradient of one.
    public struct Value: Sendable {
        /// Its name in the graph; for a gradient that of the value whose gradient it is.
        public let name: String
        /// Its elements.
        public let tensor: Tensor
    }

    /// What is computed.
    public let kind: Kind
    /// The gradients that came in: of the outputs of a node that have any, or the two summands of a sum.
    public let gradients: [Value]
    /// What else was read: a node's inputs, or what the loss reads, and `targets` and `teacher` as far as it has them.
    public let inputs: [Value]
    /// What was made: outputs, or gradients of those inputs that need one.
    public let results: [Value]
}
