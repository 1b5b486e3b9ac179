public import Tensors

/// An argument or a result of an operator, as the device log and the Dumper show it.
public indirect enum OperatorValue: Sendable {
    /// A tensor.
    case tensor(Tensor)
    /// A tensor argument that was not given.
    case undefinedTensor
    /// A number that Python code passed as a scalar (`alpha` of `add`).
    case scalar(OperatorNumber)
    /// A plain number, truth value or text in the operator's signature (`groups` of a convolution).
    case plain(OperatorNumber)
    /// Plain text.
    case text(String)
    /// Several values in one of the containers that signatures distinguish.
    case sequence(OperatorSequence, [OperatorValue])
    /// A value that a signature declares optional.
    case optional(OperatorValue?)
    /// A random number generator.
    case generator(seed: UInt64, device: String)

    /// One tensor, or a tuple of several.
    public init(results: [Tensor]) {
        self = results.count == 1 ? .tensor(results[0]) : .sequence(.tuple, results.map(OperatorValue.tensor))
    }
}

/// A number or truth value.
public enum OperatorNumber: Sendable, Hashable {
    case boolean(Bool)
    case integer(Int64)
    case real(Double)
}

/// The containers that operator signatures distinguish; their names appear in dump files.
public enum OperatorSequence: String, Sendable, CaseIterable {
    case list = "List"
    case vector = "Vector"
    case array = "Array"
    case tuple = "Tuple"
    case tensorList = "TensorList"
}
