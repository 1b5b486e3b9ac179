internal import Graphs

/// Functions of one element that have no kernel but the plain one.
enum ElementFunctionFamily {
    static let imports =
        plain.map { function, since in OperatorImport(function.name, since: since, as: .element(function)) }
        + [
            OperatorImport("Selu") { (node: inout NodeImport) throws(NodeRefusal) in
                .element(
                    .selu(
                        alpha: try node.attributes.number("alpha") ?? 1.6732632,
                        gamma: try node.attributes.number("gamma") ?? 1.050701))
            },
            OperatorImport("Celu", since: 12) { (node: inout NodeImport) throws(NodeRefusal) in
                .element(.celu(alpha: try node.attributes.number("alpha") ?? 1))
            },
            OperatorImport("Swish", since: 24) { (node: inout NodeImport) throws(NodeRefusal) in
                .element(.swish(alpha: try node.attributes.number("alpha") ?? 1))
            },
            OperatorImport("ThresholdedRelu", since: 10) { (node: inout NodeImport) throws(NodeRefusal) in
                .element(.thresholdedRelu(alpha: try node.attributes.number("alpha") ?? 1))
            },
            OperatorImport("Shrink", since: 9) { (node: inout NodeImport) throws(NodeRefusal) in
                .element(
                    .shrink(
                        bias: try node.attributes.number("bias") ?? 0,
                        threshold: try node.attributes.number("lambd") ?? 0.5))
            },
        ]

    /// Functions without attributes, with the first opset that has them.
    private static let plain: [(ElementFunction, Int)] = [
        (.sign, 9), (.sine, 7), (.cosine, 7), (.tangent, 7), (.arcSine, 7), (.arcCosine, 7), (.arcTangent, 7),
        (.hyperbolicSine, 9), (.hyperbolicCosine, 9), (.inverseHyperbolicSine, 9), (.inverseHyperbolicCosine, 9),
        (.inverseHyperbolicTangent, 9), (.softsign, 1), (.mish, 18),
    ]
}

extension ElementFunctionFamily {
    static func minimumOpset(_ function: ElementFunction) -> Int {
        switch function {
        case .mish: 18
        case .swish: 24
        default: 13
        }
    }

    static func export(_ function: ElementFunction, to node: inout NodeExport) {
        switch function {
        case .selu(let alpha, let gamma):
            node.set("alpha", alpha)
            node.set("gamma", gamma)
        case .celu(let alpha), .swish(let alpha), .thresholdedRelu(let alpha): node.set("alpha", alpha)
        case .shrink(let bias, let threshold):
            node.set("bias", bias)
            node.set("lambd", threshold)
        default: break
        }
    }
}
