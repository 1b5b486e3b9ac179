internal import Graphs

/// Losses of classes.
enum LossFamily {
    static let imports = [
        OperatorImport("NegativeLogLikelihoodLoss", since: 12) { (node: inout NodeImport) throws(NodeRefusal) in
            .loss(
                .negativeLogLikelihood(
                    try reduction(&node), ignoredClass: try node.attributes.integer("ignore_index")))
        },
        OperatorImport("SoftmaxCrossEntropyLoss", since: 12) { (node: inout NodeImport) throws(NodeRefusal) in
            .loss(.crossEntropy(try reduction(&node), ignoredClass: try node.attributes.integer("ignore_index")))
        },
    ]

    private static func reduction(_ node: inout NodeImport) throws(NodeRefusal) -> LossOperator.Reduction {
        let known = LossOperator.Reduction.allCases.map { ($0.rawValue, $0) }
        return try node.attributes.choice("reduction", from: known) ?? .mean
    }
}

extension LossFamily {
    static func export(_ op: LossOperator, to node: inout NodeExport) {
        node.set("reduction", op.reduction.rawValue)
        if let ignoredClass = op.ignoredClass { node.set("ignore_index", ignoredClass) }
    }
}
