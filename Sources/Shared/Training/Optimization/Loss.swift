/// What training makes small, a function of one output and of targets.
public enum Loss: Sendable, Hashable {
    /// Mean cross-entropy of logits float32 [N, K] with labels int64 [N], computed in float64.
    ///
    /// `labelSmoothing` (0..<1) of each target is spread evenly over all K classes, as PyTorch does.
    case crossEntropy(labelSmoothing: Double = 0)
    /// Mean of squared differences to targets float32 of the same shape, computed in float64.
    case meanSquaredError
    /// Sum of products with targets float32 of the same shape: its gradient is the targets, so that another program can supply
    /// the gradient of its own loss.
    case innerProduct
}
