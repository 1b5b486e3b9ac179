internal import Graphs
internal import Tensors

/// Operators that pick elements, and those about shapes.
enum IndexingFamily {
    static let imports = [
        OperatorImport("Gather", gather),
        OperatorImport("Shape", shape),
        OperatorImport("ConstantOfShape", since: 9, constantOfShape),
    ]

    @Sendable private static func gather(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .gather(axis: try node.attributes.integer("axis") ?? 0)
    }

    @Sendable private static func shape(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        guard node.opset >= 15 else { return .shape(start: 0, end: nil) }
        return .shape(start: try node.attributes.integer("start") ?? 0, end: try node.attributes.integer("end"))
    }

    @Sendable private static func constantOfShape(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        guard let proto = try node.attributes.tensor("value") else {
            return .constantOfShape(value: Tensor(shape: [1], elements: [Float(0)]))
        }
        let value: Tensor
        do {
            value = try TensorDecoder(externalData: nil).tensor(from: proto, name: "value")
        } catch {
            throw .attribute("value", error.description)
        }
        guard value.elementCount == 1 else {
            throw .attribute("value", "it should have one element but has \(value.elementCount)")
        }
        return .constantOfShape(value: value.reshaped(to: [1]))
    }
}

extension IndexingFamily {
    static func exportShape(start: Int, end: Int?, to node: inout NodeExport) {
        if start != 0 { node.set("start", start) }
        if let end { node.set("end", end) }
    }
}
