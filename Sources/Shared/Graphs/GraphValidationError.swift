/// Why a graph is not well formed.
public enum GraphValidationError: Error, Hashable, Sendable {
    /// Two producers write the same value; they are described as `node 'x'`, `graph input` or `initializer`.
    case duplicateProducer(value: String, first: String, second: String)
    /// A node reads a value that nothing produces.
    case undefinedValue(value: String, node: String)
    /// A graph output that nothing produces.
    case undefinedOutput(value: String)
    /// The nodes need each other's results, in this order.
    case cycle(nodes: [String])
    /// A node reads a value whose producer comes later.
    case notInTopologicalOrder(node: String, value: String, producer: String)
    /// Two nodes have the same name.
    case duplicateNodeName(name: String)
    /// The node at this position has no name.
    case emptyNodeName(position: Int, operatorName: String)
    /// A node has too few or too many inputs or outputs; `reason` says which.
    case wrongArity(node: String, operatorName: String, reason: String)
}

extension GraphValidationError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .duplicateProducer(let value, let first, let second):
            "Value '\(value)' is produced twice, by \(first) and by \(second); give one of them another name"
        case .undefinedValue(let value, let node):
            "Node '\(node)' reads '\(value)', which nothing produces; the model is incomplete or misspelled"
        case .undefinedOutput(let value):
            "Graph output '\(value)' is produced by nothing; the model is incomplete or misspelled"
        case .cycle(let nodes):
            "The nodes \(nodes.map { "'\($0)'" }.joined(separator: " -> ")) wait for each other; a model has no cycles"
        case .notInTopologicalOrder(let node, let value, let producer):
            "Node '\(node)' reads '\(value)' before node '\(producer)' produces it; sort the nodes topologically"
        case .duplicateNodeName(let name):
            "Two nodes have the name '\(name)'; node names are unique"
        case .emptyNodeName(let position, let operatorName):
            "Node \(position) (\(operatorName)) has no name"
        case .wrongArity(let node, let operatorName, let reason):
            "Node '\(node)' (\(operatorName)) \(reason)"
        }
    }
}
