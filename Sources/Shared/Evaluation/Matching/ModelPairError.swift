/// Why two models cannot be compared.
public enum ModelPairError: Error, Sendable, Hashable, CustomStringConvertible {
    /// An input or output is in one model only.
    case onlyInOne(what: String, name: String, isInFloat: Bool, others: [String])
    /// An input or output has another type or shape.
    case differs(what: String, name: String, float: String, quantized: String)
    /// No layer of the float model is in the quantized one.
    case nothingMatches

    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .onlyInOne(let what, let name, let isInFloat, let others):
            "The \(what) '\(name)' of the \(isInFloat ? "float" : "quantized") model is no \(what) of the "
                + "\(isInFloat ? "quantized" : "float") one (\(others.joined(separator: ", "))); "
                + "give the float model that the quantized one was made from"
        case .differs(let what, let name, let float, let quantized):
            "The \(what) '\(name)' is \(float) in the float model and \(quantized) in the quantized one; "
                + "give the float model that the quantized one was made from"
        case .nothingMatches:
            "No value of the float model has a counterpart of the same name in the quantized one; "
                + "give the float model that the quantized one was made from"
        }
    }
}
