public import Kernels

/// Why a graph could not be trained.
public enum TrainingError: Error, Sendable, Equatable {
    /// The graph has no value, or no float32 initializer, of this name.
    case unknownValue(name: String)
    /// A graph input was not supplied; `available` are the names that were.
    case missingInput(name: String, available: [String])
    /// An input, parameter or target has another type or shape than is wanted.
    case mismatch(name: String, expected: String, actual: String)
    /// A node between a trained parameter and the loss has no gradient.
    case notDifferentiable(node: String, operatorName: String, reason: String)
    /// A node cannot take what it gets.
    case node(name: String, operatorName: String, reason: KernelError)
    /// The shape of a node's result depends on elements, so there is no plan.
    case unknownShape(node: String, operatorName: String)
    /// The library refused something.
    case library(node: String, reason: String)
    /// A label is no class.
    case label(row: Int, value: Int64, classes: Int)
}

extension TrainingError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .unknownValue(let name):
            "The graph has no value '\(name)' that could be used so; trained parameters are float32 initializers"
        case .missingInput(let name, let available):
            "The model's input '\(name)' was not given (given: \(available.sorted().joined(separator: ", ")))"
        case .mismatch(let name, let expected, let actual):
            "'\(name)' must be \(expected) but is \(actual)"
        case .notDifferentiable(let node, let operatorName, let reason):
            "Node '\(node)' (\(operatorName)) lies between a trained parameter and the loss, but \(reason)"
        case .node(let name, let operatorName, let reason):
            "Node '\(name)' (\(operatorName)): \(reason)"
        case .unknownShape(let node, let operatorName):
            "Node '\(node)' (\(operatorName)): the shape of its result depends on elements; give it constants"
        case .library(let node, let reason):
            "Node '\(node)': \(reason)"
        case .label(let row, let value, let classes):
            "Label \(row) of the batch is \(value), but there are \(classes) classes, numbered from 0"
        }
    }
}
