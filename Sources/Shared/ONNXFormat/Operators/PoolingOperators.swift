internal import Graphs

/// Pooling that has no kernel but the plain one.
enum PoolingOperatorFamily {
    static let imports = [
        OperatorImport("LpPool", since: 2) { (node: inout NodeImport) throws(NodeRefusal) in
            .pooling(.norm(try PoolingFamily.attributes(&node), order: try order(&node)))
        },
        OperatorImport("GlobalLpPool", since: 2) { (node: inout NodeImport) throws(NodeRefusal) in
            .pooling(.globalNorm(order: try order(&node)))
        },
        OperatorImport("MaxUnpool", since: 9, maximumUnpool),
    ]

    private static func order(_ node: inout NodeImport) throws(NodeRefusal) -> Int {
        let order = try node.attributes.integer("p") ?? 2
        guard order >= 1 else { throw .attribute("p", "it should be at least 1 but is \(order)") }
        return order
    }

    @Sendable private static func maximumUnpool(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        guard let kernelShape = try node.positiveIntegers("kernel_shape") else {
            throw .attribute("kernel_shape", "it is missing")
        }
        let strides = try node.positiveIntegers("strides") ?? []
        guard case .explicit(let before, let after) = try node.windowPadding() else {
            throw .attribute("auto_pad", "the operator has no such attribute")
        }
        return .pooling(
            .inverseOfMaximum(kernelShape: kernelShape, strides: strides, before: before, after: after))
    }
}

extension PoolingOperatorFamily {
    static func minimumOpset(_ op: PoolingOperator) -> Int {
        switch op {
        case .norm(let attributes, _):
            attributes.ceilMode || attributes.dilations.contains { $0 != 1 } ? 18 : 13
        case .globalNorm, .inverseOfMaximum: 13
        }
    }

    static func export(_ op: PoolingOperator, to node: inout NodeExport) {
        switch op {
        case .norm(let attributes, let order):
            node.setWindow(
                kernelShape: attributes.kernelShape, strides: attributes.strides,
                dilations: node.opset >= 18 ? attributes.dilations : [], padding: attributes.padding)
            if attributes.ceilMode { node.set("ceil_mode", true) }
            node.set("p", order)
        case .globalNorm(let order): node.set("p", order)
        case .inverseOfMaximum(let kernelShape, let strides, let before, let after):
            node.setWindow(
                kernelShape: kernelShape, strides: strides, dilations: [],
                padding: .explicit(before: before, after: after))
        }
    }
}
