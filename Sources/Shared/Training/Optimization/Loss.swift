/// What training makes small, a function of one output and of targets.
public enum Loss: Sendable, Hashable {
    /// Mean cross-entropy of logits float32 [N, K] with labels int64 [N], computed in float64.
    ///
    /// `labelSmoothing` (0..<1) of each target is spread evenly over all K classes, as PyTorch does.
    case crossEntropy(labelSmoothing: Double = 0)
    /// Knowledge distillation (Hinton): the logits float32 [N, K] follow labels int64 [N] and the logits of a teacher [N, K].
    ///
    /// `(1 - weight) * cross-entropy + weight * T^2 * KL(softmax(teacher / T) || softmax(logits / T))`, the mean over the rows,
    /// computed in float64; `weight` is 0...1 and `temperature` T is positive. With weight 1 labels do not count.
    case distillation(weight: Double = 1, temperature: Double = 1, labelSmoothing: Double = 0)
    /// Mean of squared differences to targets float32 of the same shape, computed in float64.
    case meanSquaredError
    /// Sum of products with targets float32 of the same shape: its gradient is the targets, so that another program can supply
    /// the gradient of its own loss.
    case innerProduct

    /// Whether it compares with the logits of a teacher.
    public var needsTeacher: Bool {
        if case .distillation = self { true } else { false }
    }
}
