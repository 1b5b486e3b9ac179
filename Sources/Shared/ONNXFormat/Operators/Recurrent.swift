internal import Graphs

/// Recurrent layers.
enum RecurrentFamily {
    static let imports = [
        OperatorImport("LSTM", longShortTermMemory),
        OperatorImport("GRU", gatedRecurrentUnit),
        OperatorImport("RNN") { (node: inout NodeImport) throws(NodeRefusal) in .rnn(try attributes(&node)) },
    ]

    @Sendable private static func longShortTermMemory(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        var attributes = try attributes(&node)
        attributes.couplesInputAndForget = try node.attributes.flag("input_forget") ?? false
        return .lstm(attributes)
    }

    @Sendable private static func gatedRecurrentUnit(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        var attributes = try attributes(&node)
        attributes.linearBeforeReset = try node.attributes.flag("linear_before_reset") ?? false
        return .gru(attributes)
    }

    private static func attributes(_ node: inout NodeImport) throws(NodeRefusal) -> RecurrentAttributes {
        guard let hiddenSize = try node.attributes.integer("hidden_size"), hiddenSize >= 1 else {
            throw .attribute("hidden_size", "it should be at least 1")
        }
        let directions = RecurrentAttributes.Direction.allCases.map { ($0.rawValue, $0) }
        return RecurrentAttributes(
            hiddenSize: hiddenSize,
            direction: try node.attributes.choice("direction", from: directions) ?? .forward,
            activations: try node.attributes.texts("activations") ?? [],
            activationAlphas: try node.attributes.numbers("activation_alpha") ?? [],
            activationBetas: try node.attributes.numbers("activation_beta") ?? [],
            clip: try node.attributes.number("clip"),
            batchFirst: node.opset >= 14 ? try node.attributes.flag("layout") ?? false : false)
    }
}

extension RecurrentFamily {
    static func exportLSTM(_ attributes: RecurrentAttributes, to node: inout NodeExport) {
        export(attributes, to: &node)
        if attributes.couplesInputAndForget { node.set("input_forget", true) }
    }

    static func exportGRU(_ attributes: RecurrentAttributes, to node: inout NodeExport) {
        export(attributes, to: &node)
        if attributes.linearBeforeReset { node.set("linear_before_reset", true) }
    }

    static func export(_ attributes: RecurrentAttributes, to node: inout NodeExport) {
        node.set("hidden_size", attributes.hiddenSize)
        node.set("direction", attributes.direction.rawValue)
        if !attributes.activations.isEmpty { node.set("activations", attributes.activations) }
        if !attributes.activationAlphas.isEmpty { node.set("activation_alpha", attributes.activationAlphas) }
        if !attributes.activationBetas.isEmpty { node.set("activation_beta", attributes.activationBetas) }
        if let clip = attributes.clip { node.set("clip", clip) }
        if attributes.batchFirst { node.set("layout", true) }
    }
}
