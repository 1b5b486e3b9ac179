internal import Graphs

/// Products of `com.microsoft` that include what ONNX has as nodes around them.
enum MicrosoftProducts {
    static let imports = [
        OperatorImport("FusedMatMul", readsTypes: true, matMul),
        OperatorImport("TransposeMatMul", readsTypes: true, matMul),
        OperatorImport("FusedConv", convolution),
        OperatorImport("FusedGemm", gemm),
    ]

    /// `alpha * A' * B'`, where each of the two may be transposed in its last two axes.
    @Sendable private static func matMul(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        for name in ["transBatchA", "transBatchB"] where try node.attributes.flag(name) == true {
            throw .attribute(name, "batch axes behind the rows are not handled")
        }
        var operands = node.inputs
        for (index, name) in ["transA", "transB"].enumerated()
        where try node.attributes.flag(name) == true && node.hasInput(index) {
            // Of a vector there is nothing to transpose.
            let rank = try node.dimensions(index).count
            guard rank >= 2 else { continue }
            let order = Array(0..<rank - 2) + [rank - 1, rank - 2]
            operands[index] = node.add(
                .transpose(permutation: order), [operands[index]], part: index == 0 ? "left" : "right")
        }
        let alpha = try node.attributes.number("alpha") ?? 1
        if alpha == 1 { return node.finish(.matMul, operands) }
        let product = node.add(.matMul, operands, part: "product")
        return node.finish(.binary(.multiply), [product, node.scalar(alpha, role: "alpha", like: product)])
    }

    /// Inputs: X, W, B (optional), Z (optional), which is added before the activation.
    @Sendable private static func convolution(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let activation = try FusedActivation(
            name: try node.attributes.text("activation") ?? "",
            parameters: try node.attributes.numbers("activation_params") ?? [])
        let op = Operator.convolution(try ConvolutionFamily.attributes(&node))
        var operands = Array(node.inputs.prefix(3))
        while operands.last == "" { operands.removeLast() }
        guard let addend = node.input(3) else {
            return activation.applied(to: op, operands, part: "convolution", in: &node)
        }
        let sum = [node.add(op, operands, part: "convolution"), addend]
        return activation.applied(to: .binary(.add), sum, part: "sum", in: &node)
    }

    @Sendable private static func gemm(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        var parameters: [Float] = []
        for name in ["activation_alpha", "activation_beta", "activation_gamma"] {
            if let value = try node.attributes.number(name) { parameters.append(value) }
        }
        let activation = try FusedActivation(
            name: try node.attributes.text("activation") ?? "", parameters: parameters)
        let op = try LinearFamily.gemm(&node)
        node.trimInputs()
        return activation.applied(to: op, node.inputs, part: "product", in: &node)
    }
}
