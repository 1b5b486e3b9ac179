public import Graphs
public import Tensors

/// Plain implementations of every operator on row-major tensors: slow, simple, and what the fast kernels are tested against.
public enum ReferenceKernels {
    /// Computes one operator.
    ///
    /// - Parameters:
    ///   - op: The operator with its attributes.
    ///   - inputs: The operator's inputs in order; `nil` is an absent optional input.
    ///   - outputCount: How many outputs the node declares.
    /// - Returns: `outputCount` tensors.
    public static func evaluate(
        _ op: Operator, inputs: [Tensor?], outputCount: Int
    ) throws(KernelError) -> [Tensor] {
        switch op {
        case .identity:
            guard let data = inputs.first ?? nil else { throw .missingInput(index: 0) }
            return [data]
        default:
            throw .unsupported("no reference kernel yet")
        }
    }
}
