internal import Graphs
internal import Tensors

/// Writes operators that are younger than a file's opset out in older ones, in the form that runtimes recognise.
struct OperatorExpansion {
    private var graph: Graph
    private let names: UniqueNames
    private var nodes: [Node] = []

    /// The graph without operators that can be written out and are younger than `opset`.
    ///
    /// `Gelu` (20), `LayerNormalization` (17), `HardSwish` (14) and `Swish` (24) can be.
    static func apply(to graph: Graph, types: [String: TensorType], opset: Int) -> Graph {
        guard graph.nodes.contains(where: { canExpand($0) && $0.op.minimumOpset > opset }) else { return graph }
        var expansion = OperatorExpansion(graph)
        for node in graph.nodes {
            let type = node.input(0).flatMap { types[$0] }
            if canExpand(node), node.op.minimumOpset > opset, let type, expansion.expand(node, type) { continue }
            expansion.nodes.append(node)
        }
        expansion.graph.nodes = expansion.nodes
        return expansion.graph
    }

    /// Whether a node can be written in older operators.
    static func canExpand(_ node: Node) -> Bool {
        switch node.op {
        case .unary(.gelu), .unary(.hardSwish), .element(.swish): true
        case .layerNormalization: node.outputs.dropFirst().allSatisfy(\.isEmpty)
        default: false
        }
    }

    private init(_ graph: Graph) {
        self.graph = graph
        var taken = Set(graph.initializers.keys)
        taken.formUnion(graph.inputs.map(\.name))
        for node in graph.nodes {
            taken.insert(node.name)
            taken.formUnion(node.outputs)
        }
        names = UniqueNames(taken: taken)
    }

    private mutating func expand(_ node: Node, _ type: TensorType) -> Bool {
        let (x, output) = (node.inputs[0], node.outputs[0])
        func constant(_ value: Double) -> Tensor {
            switch type.elementType {
            case .float64: Tensor(scalar: value)
            case .float16: Tensor(scalar: Float16(value))
            case .bfloat16: Tensor(scalar: BFloat16(Float(value)))
            default: Tensor(scalar: Float(value))
            }
        }
        switch node.op {
        case .unary(.gelu(let tanhApproximation)):
            let gate = tanhApproximation ? tanhGate(node, x, constant) : erfGate(node, x, constant)
            let sum = add(node, "Add", .binary(.add), [gate, add(node, "One", constant(1))])
            let product = add(node, "Mul", .binary(.multiply), [x, sum])
            finish(node, .binary(.multiply), [product, add(node, "Half", constant(0.5))], output)
        case .unary(.hardSwish):
            let gate = add(node, "HardSigmoid", .unary(.hardSigmoid(alpha: 1.0 / 6, beta: 0.5)), [x])
            finish(node, .binary(.multiply), [x, gate], output)
        case .element(.swish(let alpha)):
            let scaled =
                alpha == 1
                ? x : add(node, "Scaled", .binary(.multiply), [x, add(node, "Alpha", constant(Double(alpha)))])
            finish(node, .binary(.multiply), [x, add(node, "Sigmoid", .unary(.sigmoid), [scaled])], output)
        case .layerNormalization(let attributes):
            guard let rank = type.dimensions?.count else { return false }
            normalize(node, attributes, type.elementType, rank: rank)
        default: return false
        }
        return true
    }

    private mutating func erfGate(_ node: Node, _ x: String, _ constant: (Double) -> Tensor) -> String {
        let scaled = add(node, "Div", .binary(.divide), [x, add(node, "Root", constant(2.0.squareRoot()))])
        return add(node, "Erf", .unary(.erf), [scaled])
    }

    private mutating func tanhGate(_ node: Node, _ x: String, _ constant: (Double) -> Tensor) -> String {
        let cube = add(node, "Pow", .binary(.power), [x, add(node, "Three", constant(3))])
        let part = add(node, "Part", .binary(.multiply), [cube, add(node, "Factor", constant(0.044715))])
        let sum = add(node, "Sum", .binary(.add), [x, part])
        let root = (2 / Double.pi).squareRoot()
        let scaled = add(node, "Scaled", .binary(.multiply), [sum, add(node, "Root", constant(root))])
        return add(node, "Tanh", .unary(.tanh), [scaled])
    }

    /// As ONNX defines it: up to the scale in float32 where the data have less precision or range, because a small epsilon
    /// and the squares of large values do not exist there.
    private mutating func normalize(
        _ node: Node, _ attributes: LayerNormalizationAttributes, _ type: ElementType, rank: Int
    ) {
        let isNarrow = type != .float32 && type != .float64
        let epsilon =
            type == .float64 ? Tensor(scalar: Double(attributes.epsilon)) : Tensor(scalar: attributes.epsilon)
        let output = node.outputs[0]
        let x =
            isNarrow
            ? add(node, "Wide", .cast(CastAttributes(to: .float32)), [node.inputs[0]]) : node.inputs[0]
        let first = attributes.axis < 0 ? attributes.axis + rank : attributes.axis
        let list = (first..<rank).map { Int64($0 - rank) }
        let axes = add(node, "Axes", Tensor(shape: [list.count], elements: list))
        let mean = Operator.reduce(ReductionAttributes(function: .mean))
        let center = add(node, "Mean", mean, [x, axes])
        let difference = add(node, "Sub", .binary(.subtract), [x, center])
        let square = add(node, "Pow", .binary(.multiply), [difference, difference])
        let variance = add(node, "Variance", mean, [square, axes])
        let sum = add(node, "Add", .binary(.add), [variance, add(node, "Epsilon", epsilon)])
        let deviation = add(node, "Sqrt", .unary(.sqrt), [sum])
        var normal = add(node, "Div", .binary(.divide), [difference, deviation])
        if isNarrow { normal = add(node, "Narrow", .cast(CastAttributes(to: type)), [normal]) }
        guard let shift = node.input(2) else {
            return finish(node, .binary(.multiply), [normal, node.inputs[1]], output)
        }
        let scaled = add(node, "Mul", .binary(.multiply), [normal, node.inputs[1]])
        finish(node, .binary(.add), [scaled, shift], output)
    }

    // MARK: Nodes and constants

    private mutating func add(_ node: Node, _ role: String, _ op: Operator, _ inputs: [String]) -> String {
        let name = names.unique("\(node.name)/\(role)")
        let output = names.unique("\(name)_output")
        nodes.append(Node(name: name, op: op, inputs: inputs, outputs: [output]))
        return output
    }

    private mutating func add(_ node: Node, _ role: String, _ tensor: Tensor) -> String {
        let name = names.unique("\(node.name)/\(role)")
        graph.initializers[name] = tensor
        return name
    }

    /// The node that writes the result keeps the name.
    private mutating func finish(_ node: Node, _ op: Operator, _ inputs: [String], _ output: String) {
        nodes.append(Node(name: node.name, op: op, inputs: inputs, outputs: [output]))
    }
}
