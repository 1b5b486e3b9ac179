/// One operation of a graph.
public struct Node: Hashable, Sendable {
    /// Unique, never empty; the importer makes a name for nodes that have none.
    public var name: String
    /// What the node computes.
    public var op: Operator
    /// Names of the values it reads, in the operator's order; an empty string is an absent optional input.
    public var inputs: [String]
    /// Names of the values it writes; an empty string is an output that nobody wants.
    public var outputs: [String]
    /// The module that the node was exported from, when that is known.
    public var module: ModuleOrigin?

    /// Makes a node.
    public init(name: String, op: Operator, inputs: [String], outputs: [String], module: ModuleOrigin? = nil) {
        self.name = name
        self.op = op
        self.inputs = inputs
        self.outputs = outputs
        self.module = module
    }

    /// The name of input `index`, or `nil` when it is absent.
    public func input(_ index: Int) -> String? {
        guard inputs.indices.contains(index), !inputs[index].isEmpty else { return nil }
        return inputs[index]
    }
}
