public import Kernels

/// Why a graph could not run.
public enum ExecutionError: Error, Sendable, Equatable {
    /// A graph input was not supplied; `available` are the names that were.
    case missingInput(name: String, available: [String])
    /// An input does not fit what the graph declares.
    case inputMismatch(name: String, expected: String, actual: String)
    /// A name that was asked for as an observed value or output does not exist in the graph.
    case unknownValue(name: String)
    /// A node failed.
    case node(name: String, operatorName: String, reason: KernelError)
    /// The accelerated library refused something; names the node and the library's status.
    case library(node: String, reason: String)
}

extension ExecutionError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .missingInput(let name, let available):
            "The model's input '\(name)' was not given (given: \(available.sorted().joined(separator: ", "))); "
                + "name the array after the input"
        case .inputMismatch(let name, let expected, let actual):
            "The model's input '\(name)' wants \(expected) but got \(actual)"
        case .unknownValue(let name):
            "The graph has no value '\(name)'"
        case .node(let name, let operatorName, let reason):
            "Node '\(name)' (\(operatorName)): \(reason)"
        case .library(let node, let reason):
            "Node '\(node)': \(reason)"
        }
    }
}
