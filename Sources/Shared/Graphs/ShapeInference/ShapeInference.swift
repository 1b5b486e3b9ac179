/// Infers the type of every value of a graph.
public enum ShapeInference {
    /// The types of all values: inputs, initializers and outputs of nodes.
    ///
    /// - Parameters:
    ///   - graph: A graph in topological order.
    ///   - inputTypes: Types of graph inputs that are known better than the graph declares them. An extent given for a
    ///     declared symbol holds for that symbol wherever the inputs name it.
    /// - Returns: Types by value name.
    /// - Throws: `ShapeInferenceError`; it names the node, its operator and the types of its inputs.
    public static func infer(
        _ graph: Graph, inputTypes: [String: TensorType] = [:]
    ) throws(ShapeInferenceError) -> [String: TensorType] {
        try inferValues(graph, inputTypes: inputTypes).mapValues(\.type)
    }

    /// The types of all values with the elements of those that take part in shape computations.
    ///
    /// - Parameters:
    ///   - graph: A graph in topological order.
    ///   - inputTypes: Types of graph inputs that are known better than the graph declares them.
    /// - Returns: Types and elements by value name.
    /// - Throws: `ShapeInferenceError`; it names the node, its operator and the types of its inputs.
    public static func inferValues(
        _ graph: Graph, inputTypes: [String: TensorType] = [:]
    ) throws(ShapeInferenceError) -> [String: InferredValue] {
        var values = graph.initializers.mapValues { InferredValue($0) }
        for (name, type) in try resolvedInputs(of: graph, given: inputTypes) { values[name] = InferredValue(type) }
        for node in graph.nodes {
            for (name, value) in zip(node.outputs, try inferOutputs(of: node, values: values)) where !name.isEmpty {
                values[name] = value
            }
        }
        return values
    }

    /// What follows for the outputs of one node.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - values: What is known about the values that it reads.
    /// - Returns: One value for each output of the node.
    /// - Throws: `ShapeInferenceError`; it names the node, its operator and the types of its inputs.
    public static func inferOutputs(
        of node: Node, values: [String: InferredValue]
    ) throws(ShapeInferenceError) -> [InferredValue] {
        var inputs: [InferredValue?] = []
        for name in node.inputs {
            if name.isEmpty {
                inputs.append(nil)
                continue
            }
            guard let value = values[name] else { throw .undefinedValue(value: name, node: node.name) }
            inputs.append(value)
        }
        do {
            return try node.op.inferOutputTypes(inputs: inputs, outputCount: node.outputs.count)
        } catch {
            throw .node(
                name: node.name, operatorName: node.op.name,
                inputs: inputs.map { $0?.type.description ?? "nothing" }, reason: error.reason)
        }
    }

    private static func resolvedInputs(
        of graph: Graph, given: [String: TensorType]
    ) throws(ShapeInferenceError) -> [(String, TensorType)] {
        let names = graph.inputs.map(\.name)
        for name in given.keys.sorted() where !names.contains(name) {
            throw .unknownInput(name: name, inputs: names)
        }
        var symbols: [String: Dimension] = [:]
        for input in graph.inputs {
            guard let type = given[input.name] else { continue }
            guard bind(input.type, to: type, &symbols) else {
                throw .inputMismatch(
                    name: input.name, declared: input.type.description, given: type.description)
            }
        }
        return graph.inputs.map { input in
            if let type = given[input.name] { return (input.name, type) }
            var type = input.type
            type.dimensions = type.dimensions?.map { extent in
                if case .symbol(let name) = extent { symbols[name] ?? extent } else { extent }
            }
            return (input.name, type)
        }
    }

    /// Matches a given type with the declared one and collects what the symbols are; false when they contradict.
    private static func bind(
        _ declared: TensorType, to given: TensorType, _ symbols: inout [String: Dimension]
    ) -> Bool {
        guard declared.elementType == given.elementType else { return false }
        guard let wanted = declared.dimensions, let actual = given.dimensions else { return true }
        guard wanted.count == actual.count else { return false }
        for (first, second) in zip(wanted, actual) {
            switch (first, second) {
            case (.fixed(let declared), .fixed(let given)):
                if declared != given { return false }
            case (.symbol(let name), .fixed):
                if let known = symbols.updateValue(second, forKey: name), known != second { return false }
            default: break
            }
        }
        return true
    }
}
