internal import Graphs

/// Normalizations that have no kernel but the plain one.
enum NormalizationOperatorFamily {
    static let imports = [
        OperatorImport("InstanceNormalization") { (node: inout NodeImport) throws(NodeRefusal) in
            .normalization(.instance(epsilon: try node.attributes.number("epsilon") ?? 1e-5))
        },
        OperatorImport("GroupNormalization", since: 18, groupNormalization),
        OperatorImport("RMSNormalization", since: 23) { (node: inout NodeImport) throws(NodeRefusal) in
            try node.checkStatisticsType()
            return .normalization(
                .rootMeanSquare(
                    axis: try node.attributes.integer("axis") ?? -1,
                    epsilon: try node.attributes.number("epsilon") ?? 1e-5))
        },
        OperatorImport("LpNormalization") { (node: inout NodeImport) throws(NodeRefusal) in
            let order = try node.attributes.integer("p") ?? 2
            guard order == 1 || order == 2 else { throw .attribute("p", "it should be 1 or 2 but is \(order)") }
            return .normalization(.norm(axis: try node.attributes.integer("axis") ?? -1, order: order))
        },
        OperatorImport("MeanVarianceNormalization", since: 9) { (node: inout NodeImport) throws(NodeRefusal) in
            .normalization(.meanVariance(axes: try node.attributes.integers("axes") ?? [0, 2, 3]))
        },
        OperatorImport("Hardmax") { (node: inout NodeImport) throws(NodeRefusal) in
            .normalization(.hardmax(axis: try NormalizationFamily.softmaxAxis(&node)))
        },
    ]

    @Sendable private static func groupNormalization(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        guard let count = try node.attributes.integer("num_groups"), count >= 1 else {
            throw .attribute("num_groups", "it must be given and at least 1")
        }
        if node.opset >= 21 { try node.checkStatisticsType() }
        return .normalization(
            .group(
                count: count, epsilon: try node.attributes.number("epsilon") ?? 1e-5, scalesGroups: node.opset < 21))
    }
}

extension NodeImport {
    /// Reads `stash_type`; 1 computes the statistics in float32 or better, which is what Tare does.
    mutating func checkStatisticsType() throws(NodeRefusal) {
        if let type = try attributes.integer("stash_type"), type != 1 {
            throw .attribute("stash_type", "only 1 (float32) is handled, not \(type)")
        }
    }
}

extension NormalizationOperatorFamily {
    static func minimumOpset(_ op: NormalizationOperator) -> Int {
        switch op {
        case .group(_, _, let scalesGroups): scalesGroups ? 18 : 21
        case .rootMeanSquare: 23
        case .instance, .norm, .meanVariance, .hardmax: 13
        }
    }

    static func export(_ op: NormalizationOperator, to node: inout NodeExport) throws(ONNXExportError) {
        switch op {
        case .instance(let epsilon): node.set("epsilon", epsilon)
        case .group(let count, let epsilon, let scalesGroups):
            guard scalesGroups == (node.opset < 21) else {
                throw node.inexpressible("scale and bias per group exist in opsets 18 to 20 only, not in \(node.opset)")
            }
            node.set("num_groups", count)
            node.set("epsilon", epsilon)
        case .rootMeanSquare(let axis, let epsilon):
            node.set("axis", axis)
            node.set("epsilon", epsilon)
        case .norm(let axis, let order):
            node.set("axis", axis)
            node.set("p", order)
        case .meanVariance(let axes): node.set("axes", axes)
        case .hardmax(let axis): node.set("axis", axis)
        }
    }
}
