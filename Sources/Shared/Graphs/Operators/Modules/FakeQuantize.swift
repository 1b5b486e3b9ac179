public import Quantization

/// Attributes of a fake quantizer: inputs x, its parameter, zero point (optional), factor of the parameter's gradient (optional, `lsq`
/// only, one float32 element; absent is 1); the result is float.
///
/// The parameter is the scale (`fakeQuantize`), the logarithm of the scale to base 2 (`tqt`) or the step (`lsq`): a float32 tensor
/// that broadcasts to x. The zero point is float32 with integer elements; absent is 0.
public struct FakeQuantizeAttributes: Hashable, Sendable {
    /// What rounds, and to which integers.
    public var specification: FakeQuantSpecification

    /// Makes attributes.
    public init(_ specification: FakeQuantSpecification) {
        self.specification = specification
    }
}

/// Attributes of an observer: inputs x, then the observer's state (`ObserverSpecification.stateKeys`).
///
/// Outputs, float32 [1] each: scale, zero point (0 when symmetric), smallest and largest finite element of x. Scale and zero
/// point are those after x was taken in, when the observer is enabled. Who runs the graph decides what becomes of the state.
public struct ObserveAttributes: Hashable, Sendable {
    /// What is gathered.
    public var specification: ObserverSpecification
    /// Whether x is taken in.
    public var isEnabled: Bool

    /// Makes attributes.
    public init(_ specification: ObserverSpecification, isEnabled: Bool = true) {
        self.specification = specification
        self.isEnabled = isEnabled
    }
}
