internal import Graphs

/// Operators that move elements without computing.
enum ShapeManipulationFamily {
    static let imports = [
        OperatorImport("Reshape", reshape),
        OperatorImport("Flatten", flatten),
        OperatorImport("Transpose", transpose),
        OperatorImport("Squeeze", squeeze),
        OperatorImport("Unsqueeze", unsqueeze),
        OperatorImport("Expand", since: 8, as: .expand),
        OperatorImport("Concat", concat),
        OperatorImport("Split", split),
        OperatorImport("Slice", slice),
        OperatorImport("Pad", pad),
    ]

    /// The ONNX spelling of each padding mode.
    static let paddingModes: [(String, PaddingMode)] = PaddingMode.allCases.map { ($0.rawValue, $0) }

    @Sendable private static func reshape(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .reshape(allowZero: node.opset >= 14 ? try node.attributes.flag("allowzero") ?? false : false)
    }

    @Sendable private static func flatten(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .flatten(axis: try node.attributes.integer("axis") ?? 1)
    }

    @Sendable private static func transpose(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let permutation = try node.attributes.integers("perm")
        if let permutation, permutation.sorted() != Array(permutation.indices) {
            throw .attribute("perm", "\(permutation) is no permutation")
        }
        return .transpose(permutation: permutation)
    }

    @Sendable private static func squeeze(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        if node.opset < 13, let axes = try node.attributes.integers("axes") {
            node.setInput(1, role: "axes", toIntegers: axes)
        }
        return .squeeze
    }

    @Sendable private static func unsqueeze(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        if node.opset < 13 {
            guard let axes = try node.attributes.integers("axes") else { throw .attribute("axes", "it is missing") }
            node.setInput(1, role: "axes", toIntegers: axes)
        }
        return .unsqueeze
    }

    @Sendable private static func concat(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        guard let axis = try node.attributes.integer("axis") else { throw .attribute("axis", "it is missing") }
        return .concat(axis: axis)
    }

    @Sendable private static func split(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let axis = try node.attributes.integer("axis") ?? 0
        if node.opset < 13, let sizes = try node.attributes.integers("split") {
            node.setInput(1, role: "split", toIntegers: sizes)
        }
        let declared = node.opset >= 18 ? try node.attributes.integer("num_outputs") : nil
        if node.hasInput(1) {
            guard declared == nil else {
                throw .attribute("num_outputs", "the input 'split' gives the sizes already")
            }
            return .split(axis: axis, outputCount: nil)
        }
        if let declared, declared != node.outputs.count {
            throw .attribute("num_outputs", "it is \(declared) but the node has \(node.outputs.count) outputs")
        }
        return .split(axis: axis, outputCount: node.outputs.count)
    }

    @Sendable private static func slice(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        guard node.opset < 10 else { return .slice }
        guard let starts = try node.attributes.integers("starts") else { throw .attribute("starts", "it is missing") }
        guard let ends = try node.attributes.integers("ends") else { throw .attribute("ends", "it is missing") }
        node.setInput(1, role: "starts", toIntegers: starts)
        node.setInput(2, role: "ends", toIntegers: ends)
        if let axes = try node.attributes.integers("axes") {
            node.setInput(3, role: "axes", toIntegers: axes)
        }
        return .slice
    }

    @Sendable private static func pad(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let mode = try node.attributes.choice("mode", from: paddingModes) ?? .constant
        if mode == .wrap, node.opset < 19 { throw .attribute("mode", "'wrap' needs opset 19") }
        if node.opset < 11 {
            guard let pads = try node.attributes.integers("pads") else { throw .attribute("pads", "it is missing") }
            node.setInput(1, role: "pads", toIntegers: pads)
            if let value = try node.attributes.number("value") {
                node.setInput(2, role: "value", toScalar: value)
            }
        }
        return .pad(mode)
    }
}

extension ShapeManipulationFamily {
    /// The number of parts is an attribute since opset 18; before, it is the number of outputs.
    static func exportSplit(axis: Int, count: Int?, to node: inout NodeExport) {
        node.set("axis", axis)
        if node.opset >= 18, node.node.input(1) == nil { node.set("num_outputs", count ?? node.node.outputs.count) }
    }

    static func export(_ mode: PaddingMode, to node: inout NodeExport) throws(ONNXExportError) {
        node.set("mode", mode, from: paddingModes)
        if node.opset < 18, node.node.input(3) != nil {
            throw node.inexpressible("axes of Pad need opset 18; ask for that one or newer")
        }
    }
}
