/// How the names of a branch or of a function's body map to names of the flat graph, and what its nodes may refer to.
struct NameScope {
    /// Goes before node names.
    let prefix: String
    /// Values of the body under their new names.
    var renamed: [String: String] = [:]
    /// Version by domain of the operators in the body.
    let opsets: [String: Int]
    /// The attributes with which the function around was called, with its defaults; `nil` outside of functions.
    var attributes: [String: Onnx_AttributeProto]?
    /// The functions that are being expanded, outermost first.
    var callers: [LocalFunction] = []
    /// Whether other values belong to the graph around it, which a function does not see.
    var seesOuterValues = true
    /// In how many bodies of loops the scope lies.
    var loopDepth = 0

    /// The scope of a graph inside a node, which sees all that its node sees.
    func inner(prefix: String) -> NameScope {
        NameScope(
            prefix: prefix, renamed: renamed, opsets: opsets, attributes: attributes, callers: callers,
            seesOuterValues: seesOuterValues, loopDepth: loopDepth)
    }

    /// The name of a value in the flat graph.
    func value(_ name: String) -> String {
        if name.isEmpty { return name }
        return renamed[name] ?? (seesOuterValues ? name : prefix + name)
    }

    /// A name of the body in the flat graph, if nothing else has it.
    ///
    /// A file that Tare wrote has the prefix in the names already.
    func prefixed(_ name: String) -> String {
        name.hasPrefix(prefix) ? name : prefix + name
    }

    /// The node with the names of the flat graph, and with the values of those attributes that refer to the function's.
    ///
    /// An attribute whose counterpart the call does not give is absent.
    func resolved(_ node: Onnx_NodeProto) -> Onnx_NodeProto {
        var result = withAttributes(node)
        result.input = node.input.map(value)
        result.output = node.output.map(value)
        return result
    }

    /// The node with the values of those attributes that refer to the function's.
    func withAttributes(_ node: Onnx_NodeProto) -> Onnx_NodeProto {
        guard let attributes, node.attribute.contains(where: { !$0.refAttrName.isEmpty }) else { return node }
        var result = node
        result.attribute = node.attribute.compactMap { attribute in
            guard !attribute.refAttrName.isEmpty else { return attribute }
            guard var given = attributes[attribute.refAttrName] else { return nil }
            given.name = attribute.name
            return given
        }
        return result
    }
}
