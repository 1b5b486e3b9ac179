internal import Graphs

/// `Conv` and `ConvTranspose`.
enum ConvolutionFamily {
    static let imports = [
        OperatorImport("Conv", convolution),
        OperatorImport("ConvTranspose", transposedConvolution),
    ]

    @Sendable private static func convolution(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .convolution(try attributes(&node))
    }

    @Sendable private static func transposedConvolution(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .transposedConvolution(
            TransposedConvolutionAttributes(
                convolution: try attributes(&node),
                outputPadding: try node.attributes.integers("output_padding") ?? [],
                outputShape: try node.attributes.integers("output_shape")))
    }

    /// The attributes that all kinds of convolutions have.
    static func attributes(_ node: inout NodeImport) throws(NodeRefusal) -> ConvolutionAttributes {
        let groups = try node.attributes.integer("group") ?? 1
        guard groups >= 1 else { throw .attribute("group", "it should be at least 1 but is \(groups)") }
        return ConvolutionAttributes(
            kernelShape: try node.positiveIntegers("kernel_shape"),
            strides: try node.positiveIntegers("strides") ?? [],
            dilations: try node.positiveIntegers("dilations") ?? [],
            padding: try node.windowPadding(), groups: groups)
    }
}

extension NodeImport {
    /// Integers of which each is at least 1.
    mutating func positiveIntegers(_ name: String) throws(NodeRefusal) -> [Int]? {
        guard let values = try attributes.integers(name) else { return nil }
        guard values.allSatisfy({ $0 >= 1 }) else {
            throw .attribute(name, "each element should be at least 1 but it is \(values)")
        }
        return values
    }

    /// The padding that `auto_pad` and `pads` give together.
    mutating func windowPadding() throws(NodeRefusal) -> WindowPadding {
        let pads = try attributes.integers("pads") ?? []
        let automatic = try attributes.text("auto_pad") ?? "NOTSET"
        guard pads.count.isMultiple(of: 2) else {
            throw .attribute("pads", "it should have one begin and one end per axis but is \(pads)")
        }
        switch automatic {
        case "NOTSET":
            return .explicit(
                before: Array(pads[..<(pads.count / 2)]), after: Array(pads[(pads.count / 2)...]))
        case "SAME_UPPER": return .sameUpper
        case "SAME_LOWER": return .sameLower
        case "VALID": return .valid
        default:
            throw .attribute("auto_pad", "Tare knows NOTSET, SAME_UPPER, SAME_LOWER and VALID, not '\(automatic)'")
        }
    }
}

extension ConvolutionFamily {
    static func export(_ attributes: ConvolutionAttributes, to node: inout NodeExport) {
        node.setWindow(
            kernelShape: attributes.kernelShape, strides: attributes.strides, dilations: attributes.dilations,
            padding: attributes.padding)
        if attributes.groups != 1 { node.set("group", attributes.groups) }
    }

    static func export(_ attributes: TransposedConvolutionAttributes, to node: inout NodeExport) {
        export(attributes.convolution, to: &node)
        if !attributes.outputPadding.isEmpty { node.set("output_padding", attributes.outputPadding) }
        if let shape = attributes.outputShape { node.set("output_shape", shape) }
    }
}

extension NodeExport {
    /// Sets the attributes of a window; empty ones mean the default and are left out.
    mutating func setWindow(kernelShape: [Int]?, strides: [Int], dilations: [Int], padding: WindowPadding) {
        if let kernelShape { set("kernel_shape", kernelShape) }
        if !strides.isEmpty { set("strides", strides) }
        if !dilations.isEmpty { set("dilations", dilations) }
        switch padding {
        case .explicit(let before, let after): if !before.isEmpty { set("pads", before + after) }
        case .sameUpper: set("auto_pad", "SAME_UPPER")
        case .sameLower: set("auto_pad", "SAME_LOWER")
        case .valid: set("auto_pad", "VALID")
        }
    }
}
