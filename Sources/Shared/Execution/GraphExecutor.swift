public import Graphs
public import Tensors

/// Receives tensors while a graph runs.
public protocol TensorTap: AnyObject {
    /// Called once or several times per run for each observed value, right after it was computed.
    ///
    /// - Parameters:
    ///   - value: Name of the value in the graph.
    ///   - elements: Every element exactly once, in whatever order the executor keeps them; valid during the call only.
    func observe(_ value: String, elements: Span<Float>)
}

/// Runs a graph on tensors of the calling thread; not for use from two threads at once.
public protocol GraphExecutor: AnyObject {
    /// The graph.
    var graph: Graph { get }

    /// Computes the graph's outputs.
    ///
    /// - Parameters:
    ///   - inputs: One tensor for each graph input, by name.
    ///   - tap: Receives the values that were asked for when the executor was made; they must be `float32`.
    /// - Returns: Row-major tensors for the graph's outputs, by name.
    /// - Throws: `ExecutionError` when an input is missing, has another type or shape than the graph declares, or a
    ///   node cannot be computed.
    func run(_ inputs: [String: Tensor], tap: (any TensorTap)?) throws(ExecutionError) -> [String: Tensor]
}
