/// Why the types of a graph's values could not be inferred.
public enum ShapeInferenceError: Error, Hashable, Sendable {
    /// The inputs of a node do not fit each other or its attributes.
    case node(name: String, operatorName: String, inputs: [String], reason: String)
    /// A node reads a value that no earlier node produces.
    case undefinedValue(value: String, node: String)
    /// A type was given for something that is no graph input.
    case unknownInput(name: String, inputs: [String])
    /// A given type contradicts what the graph declares.
    case inputMismatch(name: String, declared: String, given: String)
}

extension ShapeInferenceError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .node(let name, let operatorName, let inputs, let reason):
            "Node '\(name)' (\(operatorName)) cannot take \(inputs.joined(separator: ", ")): \(reason)"
        case .undefinedValue(let value, let node):
            "Node '\(node)' reads '\(value)', which no earlier node produces; sort the nodes topologically"
        case .unknownInput(let name, let inputs):
            "The graph has no input '\(name)'; its inputs are \(inputs.joined(separator: ", "))"
        case .inputMismatch(let name, let declared, let given):
            "Graph input '\(name)' is declared as \(declared) but \(given) was given"
        }
    }
}
