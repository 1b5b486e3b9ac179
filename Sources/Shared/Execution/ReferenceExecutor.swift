public import Graphs
public import Kernels
public import Tensors

/// Runs a graph node by node with the reference kernels: slow, and what the fast executor is tested against.
///
/// Values live until their last reader ran. Every result is a function of the inputs alone, on every machine.
public final class ReferenceExecutor: GraphExecutor {
    /// The graph that is run.
    public let graph: Graph
    private let arithmetic: MLUArithmetic
    /// Values whose elements the tap receives.
    private let observed: Set<String>
    /// For each node, the values that nobody reads after it.
    private let dead: [[String]]
    /// For each node that has graphs of its own, what runs them.
    private let controlFlows: [String: ControlFlow]

    /// Prepares a graph.
    ///
    /// - Parameters:
    ///   - graph: A graph whose nodes are in topological order.
    ///   - observed: Names of float32 values that the tap of `run` receives.
    ///   - arithmetic: How modules of the simulated device use their scales.
    /// - Throws: `ExecutionError.unknownValue` when a node reads, or an output or `observed` names, a value that nothing
    ///   before it makes.
    public init(
        _ graph: Graph, observing observed: some Sequence<String> = [], arithmetic: MLUArithmetic = .exact
    ) throws(ExecutionError) {
        self.graph = graph
        self.arithmetic = arithmetic
        self.observed = Set(observed)
        var known = Set(graph.initializers.keys).union(graph.inputs.map(\.name))
        var controlFlows: [String: ControlFlow] = [:]
        for node in graph.nodes {
            if case .control(let op) = node.op {
                if let problem = node.arityProblem {
                    throw .node(name: node.name, operatorName: node.op.name, reason: .invalidArgument("it \(problem)"))
                }
                controlFlows[node.name] = try ControlFlow(
                    op, name: node.name, observing: self.observed, arithmetic: arithmetic)
                known.formUnion(node.bodyValues)
            }
            for input in node.inputs where !input.isEmpty {
                guard known.contains(input) else { throw .unknownValue(name: input) }
            }
            known.formUnion(node.outputs.filter { !$0.isEmpty })
        }
        for name in graph.outputs.map(\.name) + self.observed.sorted() where !known.contains(name) {
            throw .unknownValue(name: name)
        }
        self.controlFlows = controlFlows
        dead = graph.lastReads()
    }

    /// Computes the graph's outputs.
    ///
    /// - Parameters:
    ///   - inputs: One tensor for each graph input, by name.
    ///   - tap: Receives the observed values.
    /// - Returns: Row-major tensors for the graph's outputs, by name.
    /// - Throws: `ExecutionError`, naming the input or the node that is wrong.
    public func run(
        _ inputs: [String: Tensor], tap: (any TensorTap)? = nil
    ) throws(ExecutionError) -> [String: Tensor] {
        var values = graph.initializers
        for (input, tensor) in zip(graph.inputs, try graph.validated(inputs)) { values[input.name] = tensor }
        for name in (graph.inputs.map(\.name) + graph.initializers.keys.sorted()) where observed.contains(name) {
            guard let tensor = values[name], tensor.elementType == .float32 else {
                throw .inputMismatch(
                    name: name, expected: "float32, because it is observed",
                    actual: values[name].map { TensorType($0).description } ?? "nothing")
            }
            tensor.withElements(as: Float.self) { tap?.observe(name, elements: $0) }
        }
        for (index, node) in graph.nodes.enumerated() {
            let inner = try controlFlows[node.name]?.run(node.inputs.map { values[$0] }, tap: tap)
            do {
                let results = if let inner { Self.named(node, inner) } else { try evaluate(node, values) }
                for (name, tensor) in results {
                    values[name] = tensor
                    if observed.contains(name) { try observe(name, tensor, tap) }
                }
            } catch {
                throw .node(name: node.name, operatorName: node.op.name, reason: error)
            }
            for name in dead[index] { values[name] = nil }
        }
        var results: [String: Tensor] = [:]
        for output in graph.outputs { results[output.name] = values[output.name] }
        return results
    }

    /// The node's named outputs.
    private func evaluate(
        _ node: Node, _ values: [String: Tensor]
    ) throws(KernelError) -> [(name: String, tensor: Tensor)] {
        // Trailing outputs that nobody wants need not be computed.
        let wanted = (node.outputs.lastIndex { !$0.isEmpty } ?? -1) + 1
        let results = try ReferenceKernels.evaluate(
            node.op, inputs: node.inputs.map { $0.isEmpty ? nil : values[$0] }, outputCount: wanted,
            arithmetic: arithmetic)
        return Self.named(node, results)
    }

    private static func named(_ node: Node, _ results: [Tensor]) -> [(name: String, tensor: Tensor)] {
        zip(node.outputs, results).filter { !$0.0.isEmpty }.map { (name: $0.0, tensor: $0.1) }
    }

    private func observe(_ name: String, _ tensor: Tensor, _ tap: (any TensorTap)?) throws(KernelError) {
        guard tensor.elementType == .float32 else {
            throw .unsupported("the observed value '\(name)' is \(tensor.elementType); only float32 can be observed")
        }
        tensor.withElements(as: Float.self) { tap?.observe(name, elements: $0) }
    }
}
