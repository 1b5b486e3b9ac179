public import Tensors

/// What a loss compares an output with.
public struct LossTargets: Sendable {
    /// Labels or numbers, as the loss says; `nil` where it needs none.
    public var values: Tensor?
    /// What a teacher says of the same inputs, of the output's form; `nil` for losses without a teacher.
    public var teacher: Tensor?

    /// Describes targets.
    public init(_ values: Tensor?, teacher: Tensor? = nil) {
        self.values = values
        self.teacher = teacher
    }
}
