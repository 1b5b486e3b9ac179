import Graphs
import Tensors

/// The element type of every value of a graph, as far as the declared inputs determine it.
struct ElementTypes {
    private var types: [String: ElementType] = [:]

    init(_ graph: Graph) {
        for input in graph.inputs { types[input.name] = input.type.elementType }
        for (name, tensor) in graph.initializers { types[name] = tensor.elementType }
        for node in graph.nodes { assign(node) }
    }

    /// The element type of a value; `nil` when the graph has no such value.
    subscript(_ value: String) -> ElementType? { types[value] }

    private mutating func assign(_ node: Node) {
        guard let first = node.outputs.first else { return }
        let carried = node.input(0).flatMap { types[$0] }
        switch node.op {
        case .shape: types[first] = .int64
        case .cast(let attributes): types[first] = attributes.elementType
        case .constantOfShape(let value): types[first] = value.elementType
        case .quantizeLinear(let attributes):
            types[first] = node.input(2).flatMap { types[$0] } ?? attributes.outputType ?? .uint8
        case .dequantizeLinear: types[first] = node.input(1).flatMap { types[$0] }
        case .maxPool:
            types[first] = carried
            if node.outputs.count > 1 { types[node.outputs[1]] = .int64 }
        case .dropout:
            types[first] = carried
            if node.outputs.count > 1 { types[node.outputs[1]] = .bool }
        default:
            for output in node.outputs { types[output] = carried }
        }
    }
}
