internal import Graphs
internal import Tensors

/// Activations of ONNX Runtime's own domain `com.microsoft`, which its optimizer puts into models.
enum MicrosoftActivations {
    static let imports = [
        OperatorImport("Gelu", as: .unary(.gelu(tanhApproximation: false))),
        OperatorImport("BiasGelu") { (node: inout NodeImport) throws(NodeRefusal) in
            biased(&node, tanhApproximation: false)
        },
        OperatorImport("FastGelu") { (node: inout NodeImport) throws(NodeRefusal) in
            biased(&node, tanhApproximation: true)
        },
        OperatorImport("QuickGelu", quickGelu),
    ]

    /// Inputs: data, bias (optional).
    private static func biased(_ node: inout NodeImport, tanhApproximation: Bool) -> Operator {
        var data = node.inputs.first ?? ""
        if let bias = node.input(1) { data = node.add(.binary(.add), [data, bias], part: "biased") }
        return node.finish(.unary(.gelu(tanhApproximation: tanhApproximation)), [data])
    }

    /// `x * sigmoid(alpha * x)`.
    @Sendable private static func quickGelu(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let data = node.inputs.first ?? ""
        let alpha = node.scalar(try node.attributes.number("alpha") ?? 1.702, role: "alpha", like: data)
        let scaled = node.add(.binary(.multiply), [data, alpha], part: "scaled")
        let gate = node.add(.unary(.sigmoid), [scaled], part: "gate")
        return node.finish(.binary(.multiply), [data, gate])
    }
}

/// The activation that a fused operator applies to its result.
struct FusedActivation {
    private let name: String
    private let parameters: [Float]

    /// `name` is empty for none; `parameters` are in the order of the activation's own attributes.
    init(name: String, parameters: [Float]) throws(NodeRefusal) {
        guard let count = Self.parameterCounts[name] else {
            let known = Self.parameterCounts.keys.sorted().filter { !$0.isEmpty }.joined(separator: ", ")
            throw .attribute("activation", "Tare knows \(known), not '\(name)'")
        }
        guard parameters.count >= count else {
            throw .attribute("activation", "\(name) needs \(count) parameters; there are \(parameters.count)")
        }
        self.name = name
        self.parameters = parameters
    }

    private static let parameterCounts = [
        "": 0, "Relu": 0, "Tanh": 0, "Sigmoid": 0, "HardSwish": 0, "LeakyRelu": 1, "HardSigmoid": 2, "Clip": 2,
    ]

    /// Makes `op` the node's own, or puts it in front of the activation, which then is.
    func applied(to op: Operator, _ inputs: [String], part: String, in node: inout NodeImport) -> Operator {
        if name.isEmpty { return node.finish(op, inputs) }
        let data = node.add(op, inputs, part: part)
        switch name {
        case "Relu": return node.finish(.unary(.relu), [data])
        case "Tanh": return node.finish(.unary(.tanh), [data])
        case "Sigmoid": return node.finish(.unary(.sigmoid), [data])
        case "HardSwish": return node.finish(.unary(.hardSwish), [data])
        case "LeakyRelu": return node.finish(.unary(.leakyRelu(slope: parameters[0])), [data])
        case "HardSigmoid":
            return node.finish(.unary(.hardSigmoid(alpha: parameters[0], beta: parameters[1])), [data])
        default:
            let minimum = node.scalar(parameters[0], role: "min", like: data)
            let maximum = node.scalar(parameters[1], role: "max", like: data)
            return node.finish(.clip, [data, minimum, maximum])
        }
    }
}
