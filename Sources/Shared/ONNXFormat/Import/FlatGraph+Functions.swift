extension FlatGraph {
    /// Functions call each other at most so deep; each level costs stack.
    private static let maximumCallDepth = 64
    /// Functions of functions can multiply, so that a small file would mean more nodes than there is memory.
    private static let maximumExpandedCount = 1 << 18

    /// Puts the nodes of a function in place of a call of it.
    mutating func expand(
        _ function: Onnx_FunctionProto, _ key: LocalFunction, calledBy node: Onnx_NodeProto, name: String,
        in outer: NameScope
    ) throws(ONNXImportError) {
        if outer.callers.contains(key) {
            let chain = (outer.callers + [key]).map(\.description).joined(separator: " -> ")
            return addUnsupported(node, name: name, scope: outer, reason: "the function calls itself: \(chain)")
        }
        var scope = NameScope(
            prefix: name + "/", opsets: try opsets(of: function, key), callers: outer.callers + [key],
            seesOuterValues: false, loopDepth: outer.loopDepth)
        do {
            scope.attributes = try attributes(of: function, calledBy: node)
            try bind(function, to: node, in: &scope)
        } catch {
            throw .unsupportedAttributes([
                .init(node: name, operatorName: key.description, attribute: error.subject, reason: error.reason)
            ])
        }
        try add(function.node, scope: scope)
        for (output, result) in zip(node.output, function.output)
        where !output.isEmpty && scope.value(result) != output {
            addIdentity(from: scope.value(result), to: output, name: "\(name)/\(result)", scope: scope)
        }
    }

    /// Counts nodes and constants of a function, or of a graph inside of one, before they are added.
    mutating func countExpanded(_ count: Int, in scope: NameScope) throws(ONNXImportError) {
        guard let function = scope.callers.last else { return }
        expandedCount += count
        guard scope.callers.count <= Self.maximumCallDepth, expandedCount <= Self.maximumExpandedCount else {
            throw .invalidValue(
                name: function.description,
                reason: "functions are nested more than \(Self.maximumCallDepth) deep or have more than "
                    + "\(Self.maximumExpandedCount) nodes together; inline them with onnx.inliner")
        }
    }

    private func opsets(
        of function: Onnx_FunctionProto, _ key: LocalFunction
    ) throws(ONNXImportError) -> [String: Int] {
        let opsets = try ONNXModel.opsets(declaredBy: function.opsetImport, of: "function \(key.description)")
        guard let opset = opsets[""] else { return opsets }
        guard ONNXModel.supportedOpsets.contains(opset) else { throw .unsupportedOpset(opset) }
        return opsets
    }

    /// The attributes that the body's nodes may refer to: those of the call and the function's defaults.
    private func attributes(
        of function: Onnx_FunctionProto, calledBy node: Onnx_NodeProto
    ) throws(NodeRefusal) -> [String: Onnx_AttributeProto] {
        var attributes = Dictionary(
            function.attributeProto.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let known = Set(function.attribute).union(attributes.keys)
        var given: Set<String> = []
        for attribute in node.attribute {
            guard given.insert(attribute.name).inserted else {
                throw .attribute(attribute.name, "it is given twice")
            }
            guard known.contains(attribute.name) else {
                throw .attribute(attribute.name, "the function has no such attribute")
            }
            guard attribute.refAttrName.isEmpty else {
                throw .attribute(attribute.name, "it refers to an attribute of a function")
            }
            attributes[attribute.name] = attribute
        }
        return attributes
    }

    /// Gives the values of a function's body the names that they have in the flat graph.
    private func bind(
        _ function: Onnx_FunctionProto, to node: Onnx_NodeProto, in scope: inout NameScope
    ) throws(NodeRefusal) {
        guard node.input.count <= function.input.count else {
            throw .input(function.input.count, "the function takes \(function.input.count) inputs")
        }
        guard node.output.count <= function.output.count else {
            throw .output(function.output.count, "the function has \(function.output.count) outputs")
        }
        let produced = function.node.flatMap(\.output)
        rename(produced, in: &scope)
        for (index, input) in function.input.enumerated() {
            scope.renamed[input] = index < node.input.count ? node.input[index] : ""
        }
        // An output that a node of the body makes gets its name at the call; an input that is returned is copied.
        let inner = Set(produced).subtracting(function.input)
        var bound: Set<String> = []
        for (output, result) in zip(node.output, function.output)
        where !output.isEmpty && inner.contains(result) && bound.insert(result).inserted {
            scope.renamed[result] = output
        }
    }
}
