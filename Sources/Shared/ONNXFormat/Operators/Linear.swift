internal import Graphs

/// `MatMul` and `Gemm`.
enum LinearFamily {
    static let imports = [
        OperatorImport("MatMul", as: .matMul),
        OperatorImport("Gemm", gemm),
    ]

    @Sendable static func gemm(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .gemm(
            GemmAttributes(
                alpha: try node.attributes.number("alpha") ?? 1, beta: try node.attributes.number("beta") ?? 1,
                transposeA: try node.attributes.flag("transA") ?? false,
                transposeB: try node.attributes.flag("transB") ?? false))
    }
}

extension LinearFamily {
    static func export(_ attributes: GemmAttributes, to node: inout NodeExport) {
        if attributes.alpha != 1 { node.set("alpha", attributes.alpha) }
        if attributes.beta != 1 { node.set("beta", attributes.beta) }
        if attributes.transposeA { node.set("transA", true) }
        if attributes.transposeB { node.set("transB", true) }
    }
}
