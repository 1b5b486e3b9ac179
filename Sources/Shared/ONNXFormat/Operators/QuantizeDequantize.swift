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
        let (axis, blockSize) = (try axis(&node), try blockSize(&node))
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
        return .quantizeLinear(QuantizeLinearAttributes(axis: axis, outputType: outputType, blockSize: blockSize))
    }

    @Sendable private static func dequantizeLinear(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .dequantizeLinear(DequantizeLinearAttributes(axis: try axis(&node), blockSize: try blockSize(&node)))
    }

    private static func axis(_ node: inout NodeImport) throws(NodeRefusal) -> Int {
        node.opset >= 13 ? try node.attributes.integer("axis") ?? 1 : 1
    }

    private static func blockSize(_ node: inout NodeImport) throws(NodeRefusal) -> Int? {
        guard node.opset >= 21, let size = try node.attributes.integer("block_size"), size != 0 else { return nil }
        guard size > 0 else { throw .attribute("block_size", "it should not be negative but is \(size)") }
        return size
    }
}

extension QuantizeDequantizeFamily {
    static func export(_ attributes: QuantizeLinearAttributes, to node: inout NodeExport) {
        node.set("axis", attributes.axis)
        if let type = attributes.outputType { node.set("output_dtype", type.onnxCode) }
        if let size = attributes.blockSize { node.set("block_size", size) }
    }

    static func export(_ attributes: DequantizeLinearAttributes, to node: inout NodeExport) {
        node.set("axis", attributes.axis)
        if let size = attributes.blockSize { node.set("block_size", size) }
    }
}
