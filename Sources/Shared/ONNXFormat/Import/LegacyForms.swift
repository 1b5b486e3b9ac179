internal import Graphs
internal import Tensors

/// Rewrites what needs the types of values to be brought to its newest form.
struct LegacyForms {
    private let graph: Graph
    private let conversion: NodeConversion
    private let valueNames: UniqueNames

    init(_ graph: Graph, conversion: NodeConversion, valueNames: UniqueNames) {
        self.graph = graph
        self.conversion = conversion
        self.valueNames = valueNames
    }

    /// The graph in its newest form.
    func modernized() throws(ONNXImportError) -> Graph {
        if conversion.typeFollowers.isEmpty, conversion.flattenedSoftmaxAxes.isEmpty { return graph }
        var result = graph
        var nodeNames = Set(graph.nodes.map(\.name))
        var values = graph.initializers.mapValues { InferredValue($0) }
        for input in graph.inputs { values[input.name] = InferredValue(input.type) }
        let leaders = Dictionary(
            conversion.typeFollowers.map { ($0.constant, $0.value) }, uniquingKeysWith: { first, _ in first })
        result.nodes = []
        for node in graph.nodes {
            for name in node.inputs {
                guard let leader = leaders[name], let type = values[leader]?.type.elementType,
                    let constant = result.initializers[name]
                else { continue }
                let sameType = try converted(constant, to: type, name: name)
                result.initializers[name] = sameType
                values[name] = InferredValue(sameType)
            }
            do {
                for (name, value) in zip(node.outputs, try ShapeInference.inferOutputs(of: node, values: values))
                where !name.isEmpty { values[name] = value }
            } catch {
                throw .inconsistentTypes(error)
            }
            if let axis = conversion.flattenedSoftmaxAxes[node.name] {
                let dimensions = values[node.inputs[0]]?.type.dimensions
                result.nodes += softmaxNodes(node, axis: axis, dimensions: dimensions, nodeNames: &nodeNames)
            } else {
                result.nodes.append(node)
            }
        }
        return result
    }

    /// Old opsets kept scalars of any type as float32 attributes.
    private func converted(_ constant: Tensor, to type: ElementType, name: String) throws(ONNXImportError) -> Tensor {
        guard constant.elementType == .float32 else { return constant }
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
    private func softmaxNodes(
        _ node: Node, axis: Int, dimensions: [Dimension]?, nodeNames: inout Set<String>
    ) -> [Node] {
        func op(axis: Int) -> Operator {
            switch node.op {
            case .logSoftmax: .logSoftmax(axis: axis)
            case .normalization: .normalization(.hardmax(axis: axis))
            default: .softmax(axis: axis)
            }
        }
        if let dimensions {
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
