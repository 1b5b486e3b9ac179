internal import Graphs
internal import Tensors

/// `QuantizeLinear` and `DequantizeLinear`.
enum QuantizeDequantizeFamily {
    static let imports = [
        OperatorImport("QuantizeLinear", since: 10, quantizeLinear),
        OperatorImport("DequantizeLinear", since: 10, dequantizeLinear),
    ]

    @Sendable private static func quantizeLinear(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        var outputType: ElementType?
        let axis = try axis(&node)
        // Concerns only the 8-bit floating-point types, which have no zero point that Tare could read.
        if node.opset >= 19 { _ = try node.attributes.integer("saturate") }
        if node.opset >= 21, let code = try node.attributes.integer("output_dtype"), code != 0 {
            guard let type = ElementType(onnxCode: code), [.int8, .uint8, .int16, .uint16].contains(type) else {
                throw .attribute(
                    "output_dtype",
                    "Tare quantizes to (u)int8 and (u)int16, not to "
                        + ElementType.description(ofONNXCode: code))
            }
            outputType = type
        }
        return .quantizeLinear(QuantizeLinearAttributes(axis: axis, outputType: outputType))
    }

    @Sendable private static func dequantizeLinear(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .dequantizeLinear(DequantizeLinearAttributes(axis: try axis(&node)))
    }

    private static func axis(_ node: inout NodeImport) throws(NodeRefusal) -> Int {
        if node.opset >= 21, let size = try node.attributes.integer("block_size"), size != 0 {
            throw .attribute("block_size", "blocked quantization (\(size)) is not handled")
        }
        return node.opset >= 13 ? try node.attributes.integer("axis") ?? 1 : 1
    }
}

extension QuantizeDequantizeFamily {
    static func export(_ attributes: QuantizeLinearAttributes, to node: inout NodeExport) {
        node.set("axis", attributes.axis)
        if let type = attributes.outputType { node.set("output_dtype", type.onnxCode) }
    }
}
