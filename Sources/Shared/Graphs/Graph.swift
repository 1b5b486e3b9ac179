public import Tensors

/// A model: operations over named values, in topological order.
///
/// Every value has one producer: a graph input, an initializer, or one output of one node. The operators are in the form
/// of the newest ONNX opset whatever opset the file had; the importer converts older forms.
public struct Graph: Hashable, Sendable {
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

    /// For each node, the values, sorted, that nobody reads after it and that do not leave the graph.
    public func lastReads() -> [[String]] {
        lastReads(of: nodes.map { ($0.inputs + $0.outputs).filter { !$0.isEmpty } })
    }

    /// The same for other steps than single nodes.
    ///
    /// - Parameter steps: Names of the values that each step reads or makes, in the order of execution.
    /// - Returns: For each step, the values, sorted, that no later step has and that do not leave the graph.
    public func lastReads(of steps: [[String]]) -> [[String]] {
        var last: [String: Int] = [:]
        for (position, names) in steps.enumerated() {
            for name in names { last[name] = position }
        }
        for output in outputs { last[output.name] = nil }
        var result = [[String]](repeating: [], count: steps.count)
        for (name, position) in last.sorted(by: { $0.key < $1.key }) { result[position].append(name) }
        return result
    }
}
