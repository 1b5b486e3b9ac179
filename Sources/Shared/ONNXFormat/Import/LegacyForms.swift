internal import Graphs
internal import Tensors

/// Rewrites what needs the types of values to be brought to its newest form.
struct LegacyForms {
    private var graph: Graph
    private let conversion: NodeConversion
    private let valueNames: UniqueNames
    private let types: [String: TensorType]

    init(_ graph: Graph, conversion: NodeConversion, valueNames: UniqueNames) throws(ONNXImportError) {
        self.graph = graph
        self.conversion = conversion
        self.valueNames = valueNames
        if conversion.typeFollowers.isEmpty, conversion.flattenedSoftmaxAxes.isEmpty {
            types = [:]
            return
        }
        do {
            types = try ShapeInference.infer(graph)
        } catch {
            throw .inconsistentTypes(error)
        }
    }

    /// The graph in its newest form.
    func modernized() throws(ONNXImportError) -> Graph {
        var result = graph
        for follower in conversion.typeFollowers {
            guard let type = types[follower.value]?.elementType, let constant = result.initializers[follower.constant]
            else { continue }
            result.initializers[follower.constant] = try converted(constant, to: type, name: follower.constant)
        }
        guard !conversion.flattenedSoftmaxAxes.isEmpty else { return result }
        var nodeNames = Set(graph.nodes.map(\.name))
        result.nodes = graph.nodes.flatMap { node in
            guard let axis = conversion.flattenedSoftmaxAxes[node.name] else { return [node] }
            return softmaxNodes(node, axis: axis, nodeNames: &nodeNames)
        }
        return result
    }

    /// Old opsets kept scalars of any type as float32 attributes.
    private func converted(_ constant: Tensor, to type: ElementType, name: String) throws(ONNXImportError) -> Tensor {
        let value = constant.elements(as: Float.self)[0]
        switch type {
        case .float32: return constant
        case .float16: return Tensor(scalar: Float16(value))
        case .bfloat16: return Tensor(scalar: BFloat16(value))
        case .float64: return Tensor(scalar: Double(value))
        default:
            throw .invalidTensor(
                name: name, reason: "the attribute \(value) cannot become \(type), the type of the data")
        }
    }

    /// Before opset 13 all axes from `axis` on were one: the data is flattened to a matrix and back.
    private func softmaxNodes(_ node: Node, axis: Int, nodeNames: inout Set<String>) -> [Node] {
        func op(axis: Int) -> Operator {
            if case .logSoftmax = node.op { .logSoftmax(axis: axis) } else { .softmax(axis: axis) }
        }
        if let dimensions = types[node.inputs[0]]?.dimensions {
            let first = axis < 0 ? axis + dimensions.count : axis
            // With one axis that matters the old and the new form are the same.
            let rest = dimensions.dropFirst(first + 1)
            if first >= 0, first < dimensions.count, rest.allSatisfy({ $0 == 1 }) {
                var same = node
                same.op = op(axis: rest.isEmpty ? -1 : first)
                return [same]
            }
        }
        func value(_ role: String) -> String { valueNames.unique("\(node.name)/\(role)") }
        func name(_ role: String) -> String {
            var candidate = "\(node.name)/\(role)"
            while !nodeNames.insert(candidate).inserted { candidate += "_" }
            return candidate
        }
        let shape = value("shape")
        let matrix = value("matrix")
        let result = value("result")
        return [
            Node(name: name("shape"), op: .shape(start: 0, end: nil), inputs: node.inputs, outputs: [shape]),
            Node(name: name("flatten"), op: .flatten(axis: axis), inputs: node.inputs, outputs: [matrix]),
            Node(name: node.name, op: op(axis: -1), inputs: [matrix], outputs: [result]),
            Node(
                name: name("reshape"), op: .reshape(allowZero: false), inputs: [result, shape], outputs: node.outputs),
        ]
    }
}
