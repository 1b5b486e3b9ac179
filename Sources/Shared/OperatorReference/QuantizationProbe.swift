internal import Conversion
internal import Graphs
internal import ONNXFormat
internal import Quantization
internal import Tensors

/// How the quantizer plans an operator between quantized values, with its default options.
enum QuantizationProbe {
    static func description(of op: ONNXOperator, types: [ElementType]) throws -> String {
        guard types.contains(.float32) else { return "no: only float32 values are quantized" }
        let graph = behindQuantizedValues(try op.specimen(elementType: .float32))
        let prepared = try PreparedGraph(graph)
        let plan = try QuantizationPlan(prepared, options: QuantizationOptions())
        let nodes = zip(plan.graph.nodes, plan.decisions).filter { !producers(in: graph).contains($0.0.name) }
        if nodes.isEmpty { return removal(prepared.rewrites) }
        if nodes.count == 1 { return text(nodes[0].0, nodes[0].1.outcome, plan) }
        let quantized = nodes.filter { $0.1.outcome.isQuantized }.map(\.0.op.name).withoutRepetition
        let float = nodes.filter { !$0.1.outcome.isQuantized }.map(\.0.op.name).withoutRepetition
        if quantized.isEmpty { return "no" }
        return "part by part: " + quantized.joined(separator: ", ")
            + (float.isEmpty ? "" : "; float: " + float.joined(separator: ", "))
    }

    // MARK: The graph

    private static let suffix = "/quantized"

    /// The graph with a `Sigmoid`, which is quantized, between each float32 input and its readers.
    private static func behindQuantizedValues(_ graph: Graph) -> Graph {
        var result = graph
        let names = graph.inputs.filter { $0.type.elementType == .float32 }.map(\.name)
        result.nodes = names.map { Node(name: $0 + suffix, op: .unary(.sigmoid), inputs: [$0], outputs: [$0 + suffix]) }
        for var node in graph.nodes {
            node.inputs = node.inputs.map { names.contains($0) ? $0 + suffix : $0 }
            result.nodes.append(node)
        }
        return result
    }

    private static func producers(in graph: Graph) -> Set<String> { Set(graph.inputs.map { $0.name + suffix }) }

    // MARK: Words

    private static func removal(_ rewrites: [Rewrite]) -> String {
        rewrites.contains { $0.action == .bypassed } ? "removed: it passes its input on" : "removed: it is a constant"
    }

    private static func text(_ node: Node, _ outcome: NodeDecision.Outcome, _ plan: QuantizationPlan) -> String {
        switch outcome {
        case .float(.operatorIsNotQuantizable): return "no"
        case .float(let reason): return "no: \(reason)"
        case .absorbed: return "disappears into the range of what writes its input"
        case .quantized: break
        }
        var parts: [String] = []
        let outputs = plan.activations.filter { node.outputs.contains($0.name) }.map(\.source)
        switch outputs.first {
        case .shared: parts.append("with the scale of its input")
        case .observed: parts.append("with a scale of its own")
        case .fixed(let range): parts.append("with the fixed range \(range.minimum) to \(range.maximum)")
        case nil: parts.append("only what it reads")
        }
        for constant in plan.constants where constant.node == node.name {
            let granularity = constant.axis.map { "per channel, axis \($0)" } ?? "per tensor"
            let role =
                switch constant.role {
                case .weight: "weight"
                case .operand: "constant"
                }
            parts.append("\(role) \(constant.scheme.type) (\(granularity))")
        }
        if plan.biases.contains(where: { $0.node == node.name }) { parts.append("bias int32") }
        return "yes, " + parts.joined(separator: "; ")
    }
}

extension NodeDecision.Outcome {
    fileprivate var isQuantized: Bool {
        switch self {
        case .quantized, .absorbed: true
        case .float: false
        }
    }
}

extension [String] {
    /// Each once, at its first place.
    fileprivate var withoutRepetition: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
