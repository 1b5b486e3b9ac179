/// One simplification that was made to a graph before it was quantized.
public struct Rewrite: Hashable, Sendable {
    /// What was done with a node.
    public enum Action: Hashable, Sendable {
        /// Its inputs are constant: its outputs became constants.
        case evaluated
        /// It returns its input: its readers read the input instead.
        case bypassed
        /// Its arithmetic went into the constants of node `into`.
        case folded(into: String)
        /// Nothing needs its outputs.
        case unused
    }

    /// Name of the node.
    public var node: String
    /// ONNX name of its operator.
    public var operatorName: String
    /// What was done.
    public var action: Action

    /// Makes a record.
    public init(node: String, operatorName: String, action: Action) {
        self.node = node
        self.operatorName = operatorName
        self.action = action
    }
}
