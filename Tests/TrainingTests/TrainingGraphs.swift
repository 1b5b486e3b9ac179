import Graphs
import Tensors

/// Builds graphs of one node, or of few, whose float32 operands are initializers.
struct OneNode {
    let graph: Graph
    /// Names of the float32 operands.
    let trained: [String]

    /// Makes a graph.
    ///
    /// `operands` are the operator's inputs `x0`, `x1` ... in order; its first output `y` is the graph's, or that of the last extra node.
    /// Float32 operands are trained unless `fixed` names them.
    init(_ op: Operator, _ operands: [Tensor?], outputCount: Int = 1, extra: [Node] = [], fixed: Set<Int> = []) {
        var initializers: [String: Tensor] = [:]
        var names: [String] = []
        for (index, operand) in operands.enumerated() {
            names.append(operand == nil ? "" : "x\(index)")
            initializers["x\(index)"] = operand
        }
        trained = operands.enumerated().filter { $1?.elementType == .float32 && !fixed.contains($0) }.map {
            "x\($0.offset)"
        }
        let outputs = (0..<outputCount).map { $0 == 0 ? "y" : "y\($0)" }
        let node = Node(name: "node", op: op, inputs: names, outputs: outputs)
        let result = extra.last?.outputs[0] ?? "y"
        graph = Graph(
            name: "test", inputs: [],
            outputs: [.init(name: result, type: TensorType(elementType: .float32, dimensions: nil))],
            initializers: initializers, nodes: [node] + extra)
    }

    /// Name of the output.
    var output: String { graph.outputs[0].name }
}

/// Largest difference, relative to the largest of the expected elements where that is above 1.
func distance(_ actual: Tensor?, _ expected: Tensor) -> Double {
    guard let actual, actual.shape == expected.shape, actual.elementType == expected.elementType else {
        return .infinity
    }
    let (left, right) = (actual.elements(as: Float.self), expected.elements(as: Float.self))
    let scale = right.reduce(1.0) { max($0, Double($1.magnitude)) }
    return zip(left, right).reduce(0.0) { max($0, Double(($1.0 - $1.1).magnitude)) } / scale
}
