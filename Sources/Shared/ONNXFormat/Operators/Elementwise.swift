internal import Graphs
internal import Tensors

/// Functions of one, two or more elements.
enum ElementwiseFamily {
    static let imports: [OperatorImport] =
        [
            OperatorImport("LeakyRelu", leakyRelu), OperatorImport("Elu", elu),
            OperatorImport("HardSigmoid", hardSigmoid), OperatorImport("HardSwish", since: 14, as: .unary(.hardSwish)),
            OperatorImport("Gelu", since: 20, gelu), OperatorImport("Erf", since: 9, as: .unary(.erf)),
            OperatorImport("Round", since: 11, as: .unary(.round)), OperatorImport("Clip", clip),
            OperatorImport("Cast", cast), OperatorImport("Dropout", dropout), OperatorImport("Identity", as: .identity),
        ]
        + [
            UnaryFunction.absolute, .negate, .relu, .sigmoid, .tanh, .exp, .log, .sqrt, .reciprocal, .softplus, .floor,
            .ceil,
        ].map { OperatorImport($0.name, as: .unary($0)) }
        + BinaryFunction.allCases.map { OperatorImport($0.name, as: .binary($0)) }
        + VariadicFunction.allCases.map { OperatorImport($0.name, as: .variadic($0)) }

    @Sendable private static func leakyRelu(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .unary(.leakyRelu(slope: try node.attributes.number("alpha") ?? 0.01))
    }

    @Sendable private static func elu(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .unary(.elu(alpha: try node.attributes.number("alpha") ?? 1))
    }

    @Sendable private static func hardSigmoid(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .unary(
            .hardSigmoid(
                alpha: try node.attributes.number("alpha") ?? 0.2, beta: try node.attributes.number("beta") ?? 0.5))
    }

    @Sendable private static func gelu(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let approximation = try node.attributes.choice("approximate", from: [("none", false), ("tanh", true)])
        return .unary(.gelu(tanhApproximation: approximation ?? false))
    }

    @Sendable private static func clip(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        if node.opset < 11 {
            if let minimum = try node.attributes.number("min") {
                node.setInput(1, role: "min", toScalar: minimum)
            }
            if let maximum = try node.attributes.number("max") {
                node.setInput(2, role: "max", toScalar: maximum)
            }
        }
        return .clip
    }

    @Sendable private static func cast(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        guard let code = try node.attributes.integer("to") else { throw .attribute("to", "it is missing") }
        guard let type = ElementType(onnxCode: code) else {
            throw .attribute("to", "Tare does not handle \(ElementType.description(ofONNXCode: code))")
        }
        // Concerns only the 8-bit floating-point types, which the line above refuses.
        _ = try node.attributes.integer("saturate")
        return .cast(CastAttributes(to: type))
    }

    @Sendable private static func dropout(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        if node.opset >= 12 {
            _ = try node.attributes.integer("seed")
            if node.hasInput(2) {
                guard let training = node.constantInput(2), training.elementType == .bool,
                    training.elementCount == 1
                else { throw .input(2, "whether it trains must be a constant; export the model for inference") }
                let ratio = node.constantInput(1).flatMap { InferredValue($0).elements }
                guard training.elements(as: Bool.self) == [false] || ratio == [.real(0)] else {
                    throw .input(
                        2,
                        "training draws random numbers, with which calibration would not give the same twice; "
                            + "export the model for inference")
                }
            }
            node.inputs = Array(node.inputs.prefix(2))
            return .dropout
        }
        if let ratio = try node.attributes.number("ratio") {
            node.setInput(1, role: "ratio", to: Tensor(scalar: ratio))
        }
        if node.opset < 10 {
            // The mask was of the data's type then.
            guard !node.usesOutput(1) else { throw .output(1, "the mask of an opset before 10 is not handled") }
            node.outputs = Array(node.outputs.prefix(1))
        }
        return .dropout
    }
}

extension ElementwiseFamily {
    static func export(_ function: UnaryFunction, to node: inout NodeExport) {
        switch function {
        case .leakyRelu(let slope): node.set("alpha", slope)
        case .elu(let alpha): node.set("alpha", alpha)
        case .hardSigmoid(let alpha, let beta):
            node.set("alpha", alpha)
            node.set("beta", beta)
        case .gelu(let tanhApproximation): node.set("approximate", tanhApproximation ? "tanh" : "none")
        case .absolute, .negate, .relu, .sigmoid, .hardSwish, .tanh, .exp, .log, .sqrt, .reciprocal, .erf, .softplus,
            .floor, .ceil, .round:
            break
        }
    }
}
