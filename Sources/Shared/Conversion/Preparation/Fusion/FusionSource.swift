import Graphs
import Tensors

/// Nodes that are one operator together.
struct FusedOperator {
    /// The operator.
    let op: Operator
    /// Positions of the nodes; the last one writes the result.
    let nodes: Set<Int>
    /// What the operator reads.
    let inputs: [String]
    /// Constants that it needs and the nodes did not, behind the inputs.
    var constants: [(role: String, tensor: Tensor)] = []
}

/// A graph in which patterns are looked for.
struct FusionSource {
    let graph: Graph
    let index: GraphIndex
    private let types: [String: TensorType]

    init(_ graph: Graph) throws(ShapeInferenceError) {
        self.graph = graph
        index = GraphIndex(graph)
        types = try ShapeInference.infer(graph)
    }

    /// Whether nothing outside of a pattern reads what is written in its middle.
    func isClosed(_ match: FusedOperator) -> Bool {
        guard let last = match.nodes.max() else { return false }
        return match.nodes.allSatisfy { position in
            position == last
                || graph.nodes[position].outputs.allSatisfy { value in
                    value.isEmpty
                        || !index.isGraphOutput(value)
                            && index.readers(of: value).allSatisfy { match.nodes.contains($0.node) }
                }
        }
    }

    /// The one element of a floating-point constant, wherever it broadcasts to.
    func scalar(_ name: String) -> Double? {
        guard let tensor = graph.initializers[name], tensor.elementCount == 1 else { return nil }
        switch tensor.elementType {
        case .float32: return Double(tensor.elements(as: Float.self)[0])
        case .float16: return Double(tensor.elements(as: Float16.self)[0])
        case .float64: return tensor.elements(as: Double.self)[0]
        default: return nil
        }
    }

    /// The integers of a constant.
    func integers(_ name: String) -> [Int]? {
        guard let tensor = graph.initializers[name], tensor.elementType == .int64 else { return nil }
        return tensor.elements(as: Int64.self).map(Int.init)
    }

    /// What is known about a value.
    func type(of value: String) -> TensorType? { types[value] }

    /// Whether two values have the same rank and element type.
    func isAlike(_ first: String, _ second: String) -> Bool {
        guard let one = types[first], let other = types[second], let rank = one.dimensions?.count else { return false }
        return one.elementType == other.elementType && other.dimensions?.count == rank
    }

    /// Whether a constant is as near to a number as exporters write it, also in float16.
    static func isNear(_ value: Double, _ expected: Double) -> Bool {
        abs(value - expected) <= 2e-4 * max(abs(expected), 1e-3)
    }
}
