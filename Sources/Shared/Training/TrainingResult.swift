public import Tensors

/// What one run of a training executor gives.
public struct TrainingResult: Sendable {
    /// The loss of the batch.
    public var loss: Double
    /// Rows of the batch whose largest logit (the first one, of equals) is the label's; 0 for losses without labels.
    public var correct: Int
    /// The graph's outputs by name, row-major.
    public var outputs: [String: Tensor]
    /// The loss's gradient for each trained parameter, float32 and of its shape; zeros where the loss does not depend on it.
    public var gradients: [String: Tensor]
}
