internal import Graphs
internal import Tensors

/// Operators that ONNX Runtime adds to ONNX for quantized models, in a domain of its own.
enum QuantizedFamily {
    /// Name of the domain.
    static let domain = "com.microsoft"
    /// The only version of the domain that there is.
    static let opset = 1

    static let imports =
        QuantizedOperator.Function.allCases.map {
            OperatorImport("QLinear\($0.rawValue)", as: .quantized(.binary($0)))
        }
        + [
            OperatorImport("QLinearAveragePool", averagePool),
            OperatorImport("QLinearGlobalAveragePool") { (node: inout NodeImport) throws(NodeRefusal) in
                try checkLayout(&node)
                return .quantized(.globalAveragePool)
            },
            OperatorImport("QLinearLeakyRelu") { (node: inout NodeImport) throws(NodeRefusal) in
                .quantized(.leakyRelu(slope: try node.attributes.number("alpha") ?? 0.01))
            },
            OperatorImport("QLinearSigmoid", as: .quantized(.sigmoid)),
            OperatorImport("QLinearSoftmax", softmax),
            OperatorImport("QLinearConcat") { (node: inout NodeImport) throws(NodeRefusal) in
                guard let axis = try node.attributes.integer("axis") else { throw .attribute("axis", "it is missing") }
                return .quantized(.concat(axis: axis))
            },
            // What its quantizer writes for 16 bits below opset 21, where ONNX does not have them.
            OperatorImport("QuantizeLinear") { (node: inout NodeImport) throws(NodeRefusal) in
                .quantizeLinear(QuantizeLinearAttributes(axis: try node.attributes.integer("axis") ?? 1))
            },
            OperatorImport("DequantizeLinear") { (node: inout NodeImport) throws(NodeRefusal) in
                .dequantizeLinear(DequantizeLinearAttributes(axis: try node.attributes.integer("axis") ?? 1))
            },
        ]

    @Sendable private static func averagePool(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        try checkLayout(&node)
        return .quantized(.averagePool(try PoolingFamily.averageAttributes(&node)))
    }

    private static func checkLayout(_ node: inout NodeImport) throws(NodeRefusal) {
        if try node.attributes.flag("channels_last") == true {
            throw .attribute(
                "channels_last", "Tare reads channels as axis 1; optimise the model without layout changes")
        }
    }

    @Sendable private static func softmax(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        guard let opset = try node.attributes.integer("opset") else { throw .attribute("opset", "it is missing") }
        let isFlat = opset < 13
        return .quantized(
            .softmax(axis: try node.attributes.integer("axis") ?? (isFlat ? 1 : -1), overFollowingAxes: isFlat))
    }
}

extension QuantizedFamily {
    static func export(_ op: QuantizedOperator, to node: inout NodeExport) throws(ONNXExportError) {
        switch op {
        case .binary, .sigmoid, .globalAveragePool: break
        case .averagePool(let attributes):
            guard attributes.dilations.allSatisfy({ $0 == 1 }) else {
                throw node.inexpressible("the operator has no dilations")
            }
            PoolingFamily.export(average: attributes, withDilations: false, to: &node)
        case .leakyRelu(let slope): node.set("alpha", slope)
        case .softmax(let axis, let overFollowingAxes):
            node.set("axis", axis)
            node.set("opset", overFollowingAxes ? 12 : 13)
        case .concat(let axis): node.set("axis", axis)
        }
    }
}
