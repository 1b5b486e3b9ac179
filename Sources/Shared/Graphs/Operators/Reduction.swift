/// What a reduction computes from the elements along its axes.
public enum ReductionFunction: String, Hashable, Sendable, CaseIterable {
    case mean
    case sum
    case minimum
    case maximum
    case l2Norm
    case sumOfSquares
}

/// Attributes of the `Reduce...` operators: inputs data, axes (optional).
public struct ReductionAttributes: Hashable, Sendable {
    /// The function.
    public var function: ReductionFunction
    /// Whether reduced axes stay with extent 1.
    public var keepsAxes: Bool
    /// Whether no axes means no reduction (instead of all axes).
    public var emptyAxesMeansNone: Bool

    /// Makes attributes; the defaults are those of ONNX.
    public init(function: ReductionFunction, keepsAxes: Bool = true, emptyAxesMeansNone: Bool = false) {
        self.function = function
        self.keepsAxes = keepsAxes
        self.emptyAxesMeansNone = emptyAxesMeansNone
    }
}
