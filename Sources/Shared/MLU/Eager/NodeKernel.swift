import Execution
import Graphs
import Kernels
import Tensors

/// Computes one node with the fast kernels: a graph of its own, planned once for each set of shapes.
final class NodeKernel {
    private let node: Node
    private let constants: [String: Tensor]
    private let arithmetic: MLUArithmetic
    private var executor: AcceleratedExecutor?

    /// Prepares a node.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - constants: The graph's constants.
    ///   - arithmetic: How modules of the device compute.
    init(_ node: Node, constants: [String: Tensor], arithmetic: MLUArithmetic) {
        self.node = node
        self.arithmetic = arithmetic
        var own: [String: Tensor] = [:]
        for name in node.inputs { own[name] = constants[name] }
        self.constants = own
    }

    /// Computes the node.
    ///
    /// - Parameter values: The values that the node reads, by name.
    /// - Returns: The outputs; `nil` is one that nobody wants.
    /// - Throws: `MLUError.execution`.
    func compute(_ values: (String) -> Tensor?) throws(MLUError) -> [Tensor?] {
        var inputs: [String: Tensor] = [:]
        for name in node.inputs where !name.isEmpty && constants[name] == nil { inputs[name] = values(name) }
        do throws(ExecutionError) {
            let executor: AcceleratedExecutor
            if let existing = self.executor {
                executor = existing
            } else {
                executor = try makeExecutor(inputs)
                self.executor = executor
            }
            let results = try executor.run(inputs, tap: nil)
            return node.outputs.map { results[$0] }
        } catch {
            throw .execution(error)
        }
    }

    private func makeExecutor(_ inputs: [String: Tensor]) throws(ExecutionError) -> AcceleratedExecutor {
        let unknown = TensorType(elementType: .float32, dimensions: nil)
        let graph = Graph(
            name: node.name,
            inputs: inputs.sorted { $0.key < $1.key }.map {
                Graph.Value(name: $0.key, type: TensorType(elementType: $0.value.elementType, dimensions: nil))
            },
            outputs: node.outputs.filter { !$0.isEmpty }.map { Graph.Value(name: $0, type: unknown) },
            initializers: constants, nodes: [node])
        return try AcceleratedExecutor(graph, options: .init(arithmetic: arithmetic))
    }
}
