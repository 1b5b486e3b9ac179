public import Tensors

/// A model: operations over named values, in topological order.
///
/// Every value has one producer: a graph input, an initializer, or one output of one node. The operators are in the form
/// of the newest ONNX opset whatever opset the file had; the importer converts older forms.
public struct Graph: Sendable {
    /// A named value that enters or leaves the graph.
    public struct Value: Hashable, Sendable {
        /// Name of the value.
        public var name: String
        /// What is known about it.
        public var type: TensorType

        /// Makes a value.
        public init(name: String, type: TensorType) {
            self.name = name
            self.type = type
        }
    }

    /// Name of the graph.
    public var name: String
    /// Values that the caller supplies, in order; initializers are not among them.
    public var inputs: [Value]
    /// Values that the caller receives, in order.
    public var outputs: [Value]
    /// Constants by name.
    public var initializers: [String: Tensor]
    /// Operations; each comes after the producers of its inputs.
    public var nodes: [Node]
    /// The opset that the file declared, so that an export can stay at it when nothing needs a newer one.
    public var sourceOpset: Int

    /// Makes a graph.
    public init(
        name: String, inputs: [Value], outputs: [Value], initializers: [String: Tensor] = [:], nodes: [Node],
        sourceOpset: Int = 21
    ) {
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.initializers = initializers
        self.nodes = nodes
        self.sourceOpset = sourceOpset
    }
}
