internal import Graphs

/// Normalization over channels, features or classes.
enum NormalizationFamily {
    static let imports = [
        OperatorImport("BatchNormalization", batchNormalization),
        OperatorImport("LayerNormalization", since: 17, layerNormalization),
        OperatorImport("LRN", localResponseNormalization),
        OperatorImport("Softmax", softmax),
        OperatorImport("LogSoftmax", logSoftmax),
    ]

    @Sendable private static func batchNormalization(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let attributes = BatchNormalizationAttributes(
            epsilon: try node.attributes.number("epsilon") ?? 1e-5,
            momentum: try node.attributes.number("momentum") ?? 0.9,
            trainingMode: node.opset >= 14 ? try node.attributes.flag("training_mode") ?? false : false)
        if node.opset < 9, try node.attributes.flag("spatial") == false {
            throw .attribute("spatial", "statistics per element (0) are not handled, only per channel (1)")
        }
        if !attributes.trainingMode {
            for output in node.outputs.indices.dropFirst() where node.usesOutput(output) {
                throw .output(output, "statistics of the batch exist in training only; export the model for inference")
            }
            node.outputs = Array(node.outputs.prefix(1))
        }
        return .batchNormalization(attributes)
    }

    @Sendable private static func layerNormalization(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        try node.checkStatisticsType()
        return .layerNormalization(
            LayerNormalizationAttributes(
                axis: try node.attributes.integer("axis") ?? -1,
                epsilon: try node.attributes.number("epsilon") ?? 1e-5))
    }

    @Sendable private static func localResponseNormalization(
        _ node: inout NodeImport
    ) throws(NodeRefusal) -> Operator {
        guard let size = try node.attributes.integer("size"), size >= 1 else {
            throw .attribute("size", "it should be at least 1")
        }
        return .localResponseNormalization(
            LocalResponseNormalizationAttributes(
                alpha: try node.attributes.number("alpha") ?? 0.0001, beta: try node.attributes.number("beta") ?? 0.75,
                bias: try node.attributes.number("bias") ?? 1, size: size))
    }

    @Sendable private static func softmax(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .softmax(axis: try softmaxAxis(&node))
    }

    @Sendable private static func logSoftmax(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .logSoftmax(axis: try softmaxAxis(&node))
    }

    /// The axis; before opset 13 the node works on the matrix that flattening there gives.
    static func softmaxAxis(_ node: inout NodeImport) throws(NodeRefusal) -> Int {
        if node.opset >= 13 { return try node.attributes.integer("axis") ?? -1 }
        let axis = try node.attributes.integer("axis") ?? 1
        node.flattenedSoftmaxAxis = axis
        return axis
    }
}

extension NormalizationFamily {
    static func export(_ attributes: BatchNormalizationAttributes, to node: inout NodeExport) {
        node.set("epsilon", attributes.epsilon)
        node.set("momentum", attributes.momentum)
        if attributes.trainingMode { node.set("training_mode", true) }
    }

    static func export(_ attributes: LayerNormalizationAttributes, to node: inout NodeExport) {
        node.set("axis", attributes.axis)
        node.set("epsilon", attributes.epsilon)
    }

    static func export(_ attributes: LocalResponseNormalizationAttributes, to node: inout NodeExport) {
        node.set("alpha", attributes.alpha)
        node.set("beta", attributes.beta)
        node.set("bias", attributes.bias)
        node.set("size", attributes.size)
    }
}
