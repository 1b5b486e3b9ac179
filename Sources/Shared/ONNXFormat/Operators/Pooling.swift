internal import Graphs

/// Pooling with a window, and global pooling.
enum PoolingFamily {
    static let imports = [
        OperatorImport("AveragePool", averagePool),
        OperatorImport("MaxPool", maxPool),
        OperatorImport("GlobalAveragePool", as: .globalAveragePool),
        OperatorImport("GlobalMaxPool", as: .globalMaxPool),
    ]

    @Sendable private static func averagePool(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .averagePool(try averageAttributes(&node))
    }

    /// The attributes of an average pooling.
    static func averageAttributes(_ node: inout NodeImport) throws(NodeRefusal) -> PoolingAttributes {
        var attributes = try attributes(&node)
        attributes.countIncludesPadding = try node.attributes.flag("count_include_pad") ?? false
        return attributes
    }

    @Sendable private static func maxPool(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        var attributes = try attributes(&node)
        attributes.columnMajorIndices = try node.attributes.flag("storage_order") ?? false
        return .maxPool(attributes)
    }

    /// The attributes that all kinds of pooling have.
    static func attributes(_ node: inout NodeImport) throws(NodeRefusal) -> PoolingAttributes {
        guard let kernelShape = try node.positiveIntegers("kernel_shape") else {
            throw .attribute("kernel_shape", "it is missing")
        }
        return PoolingAttributes(
            kernelShape: kernelShape, strides: try node.positiveIntegers("strides") ?? [],
            dilations: try node.positiveIntegers("dilations") ?? [], padding: try node.windowPadding(),
            ceilMode: try node.attributes.flag("ceil_mode") ?? false)
    }
}

extension PoolingFamily {
    /// Average pooling has dilations since opset 19.
    static func minimumOpset(average attributes: PoolingAttributes) -> Int {
        attributes.dilations.allSatisfy { $0 == 1 } ? 13 : 19
    }

    static func export(average attributes: PoolingAttributes, withDilations: Bool, to node: inout NodeExport) {
        node.setWindow(
            kernelShape: attributes.kernelShape, strides: attributes.strides,
            dilations: withDilations ? attributes.dilations : [], padding: attributes.padding)
        if attributes.ceilMode { node.set("ceil_mode", true) }
        if attributes.countIncludesPadding { node.set("count_include_pad", true) }
    }

    static func export(maximum attributes: PoolingAttributes, to node: inout NodeExport) {
        node.setWindow(
            kernelShape: attributes.kernelShape, strides: attributes.strides, dilations: attributes.dilations,
            padding: attributes.padding)
        if attributes.ceilMode { node.set("ceil_mode", true) }
        if attributes.columnMajorIndices { node.set("storage_order", true) }
    }
}
