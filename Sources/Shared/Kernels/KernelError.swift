/// Why one operator could not be computed on given tensors.
public enum KernelError: Error, Sendable, Hashable {
    /// An input that the operator needs is absent.
    case missingInput(index: Int)
    /// The operator does not take this element type at this input.
    case unsupportedElementType(input: Int, type: String)
    /// Shapes do not fit each other or the attributes.
    case shapeMismatch(String)
    /// An attribute or index is outside its legal range.
    case invalidArgument(String)
    /// The operator or a mode of it has no kernel.
    case unsupported(String)
}

extension KernelError: CustomStringConvertible {
    /// What is wrong, in one sentence.
    public var description: String {
        switch self {
        case .missingInput(let index): "input \(index) is missing"
        case .unsupportedElementType(let input, let type): "input \(input) has the unsupported type \(type)"
        case .shapeMismatch(let text), .invalidArgument(let text), .unsupported(let text): text
        }
    }
}
