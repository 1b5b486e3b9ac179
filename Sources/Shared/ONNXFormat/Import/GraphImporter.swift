internal import Graphs
internal import Tensors

/// Makes a graph of a graph message.
struct GraphImporter {
    /// Opset by domain.
    let opsets: [String: Int]
    /// Operators that the file defines itself.
    let functions: FunctionLibrary
    /// Reads constants that lie in other files; `nil` refuses them.
    let externalData: ExternalDataReader?

    /// ONNX's own domain has two spellings; the empty one stands for both.
    static func canonicalDomain(_ domain: String) -> String {
        domain == "ai.onnx" ? "" : domain
    }

    /// The graph; nodes are sorted, every constant is an initializer, operators have their newest form.
    func graph(from proto: Onnx_GraphProto) throws(ONNXImportError) -> Graph {
        let valueNames = UniqueNames(taken: Self.valueNames(of: proto))
        let flat = try FlatGraph(proto, opsets: opsets, functions: functions, valueNames: valueNames)
        guard flat.unsupported.isEmpty else { throw .unsupportedOperators(flat.unsupported) }

        let initializers = try decodedConstants(of: flat)
        var graph = Graph(
            name: proto.name, inputs: try inputs(of: proto, initializers: initializers),
            outputs: try outputs(of: proto), initializers: initializers, nodes: [], sourceOpset: opsets[""] ?? 0)
        let conversion = try convertedNodes(
            of: flat, initializers: initializers, inputs: graph.inputs, outputs: proto)
        graph.nodes = conversion.nodes
        for constant in conversion.addedConstants { graph.initializers[constant.name] = constant.tensor }
        do {
            graph = try graph.topologicallySorted()
            try graph.validate()
        } catch {
            throw .invalidGraph(error)
        }
        return try LegacyForms(graph, conversion: conversion, valueNames: valueNames).modernized()
    }

    private static func valueNames(of proto: Onnx_GraphProto) -> Set<String> {
        var names = Set(proto.input.map(\.name))
        names.formUnion(proto.output.map(\.name))
        names.formUnion(proto.initializer.map(\.name))
        for node in proto.node {
            names.formUnion(node.input)
            names.formUnion(node.output)
        }
        return names
    }

    private func decodedConstants(of flat: FlatGraph) throws(ONNXImportError) -> [String: Tensor] {
        let decoder = TensorDecoder(externalData: externalData)
        var tensors: [String: Tensor] = [:]
        for name in flat.constantNames {
            guard let proto = flat.constants[name] else { continue }
            tensors[name] = try decoder.tensor(from: proto, name: name)
        }
        return tensors
    }

    private func inputs(
        of proto: Onnx_GraphProto, initializers: [String: Tensor]
    ) throws(ONNXImportError) -> [Graph.Value] {
        var values: [Graph.Value] = []
        for input in proto.input where initializers[input.name] == nil {
            values.append(Graph.Value(name: input.name, type: try type(of: input)))
        }
        return values
    }

    private func outputs(of proto: Onnx_GraphProto) throws(ONNXImportError) -> [Graph.Value] {
        guard !proto.output.isEmpty else { throw .invalidValue(name: proto.name, reason: "the graph has no output") }
        var values: [Graph.Value] = []
        var names: Set<String> = []
        for output in proto.output {
            guard names.insert(output.name).inserted else {
                throw .invalidValue(name: output.name, reason: "it is a graph output twice")
            }
            values.append(Graph.Value(name: output.name, type: try type(of: output)))
        }
        return values
    }

    private func type(of value: Onnx_ValueInfoProto) throws(ONNXImportError) -> TensorType {
        guard !value.name.isEmpty else { throw .invalidValue(name: "", reason: "a graph input or output has no name") }
        guard case .tensorType(let tensor) = value.type.value else {
            throw .invalidValue(name: value.name, reason: "only tensors are handled; its type is another or missing")
        }
        guard let elementType = ElementType(onnxCode: Int(tensor.elemType)) else {
            throw .invalidValue(
                name: value.name,
                reason: "Tare does not handle \(ElementType.description(ofONNXCode: Int(tensor.elemType)))")
        }
        guard tensor.hasShape else { return TensorType(elementType: elementType, dimensions: nil) }
        return TensorType(elementType: elementType, dimensions: tensor.shape.dim.map(dimension))
    }

    /// Exporters write unknown extents in several ways: nothing, an empty or `?` name, a negative number.
    private func dimension(_ proto: Onnx_TensorShapeProto.Dimension) -> Dimension {
        switch proto.value {
        case .dimValue(let extent): extent >= 0 ? .fixed(Int(extent)) : .unknown
        case .dimParam(let name): name.isEmpty || name == "?" ? .unknown : .symbol(name)
        case nil: .unknown
        }
    }

    private func convertedNodes(
        of flat: FlatGraph, initializers: [String: Tensor], inputs: [Graph.Value], outputs proto: Onnx_GraphProto
    ) throws(ONNXImportError) -> NodeConversion {
        var used = Set(proto.output.map(\.name))
        for node in flat.nodes { used.formUnion(node.proto.input) }
        let isUsed = { [used] (name: String) in used.contains(name) }
        var conversion = NodeConversion()
        if flat.nodes.contains(where: { $0.conversion?.readsTypes == true }) {
            conversion.knownValues = initializers.mapValues { InferredValue($0) }
            for input in inputs { conversion.knownValues?[input.name] = InferredValue(input.type) }
        }
        var refusals: [ONNXImportError.UnsupportedAttribute] = []
        for node in flat.nodes {
            do {
                try conversion.add(
                    node, constants: { initializers[$0] }, isUsed: isUsed, uniqueValue: flat.valueNames.unique,
                    uniqueNode: flat.nodeNames.unique)
            } catch {
                refusals.append(
                    .init(
                        node: node.name, operatorName: node.proto.opType, attribute: error.subject,
                        reason: error.reason))
            }
        }
        guard refusals.isEmpty else { throw .unsupportedAttributes(refusals) }
        return conversion
    }
}

/// The nodes of a file after conversion, and what remains to be done when all types are known.
struct NodeConversion {
    /// The nodes in the order of the file.
    private(set) var nodes: [Node] = []
    /// Constants that old opsets kept in attributes.
    private(set) var addedConstants: [(name: String, tensor: Tensor)] = []
    /// Constants whose element type must become that of a value.
    private(set) var typeFollowers: [NodeImport.TypeFollower] = []
    /// Axis by node name of each `Softmax` and `LogSoftmax` that works on a flattened matrix.
    private(set) var flattenedSoftmaxAxes: [String: Int] = [:]

    /// What is known about values so far, when a conversion asks for it; nothing else is inferred here.
    var knownValues: [String: InferredValue]?

    mutating func add(
        _ node: FlatGraph.FlatNode, constants: @escaping (String) -> Tensor?, isUsed: @escaping (String) -> Bool,
        uniqueValue: @escaping (String) -> String, uniqueNode: (String) -> String
    ) throws(NodeRefusal) {
        guard let conversion = node.conversion else { return }
        let types = conversion.readsTypes ? node.proto.input.map { knownValues?[$0]?.type } : []
        var imported = try NodeImport(
            name: node.name, opset: node.opset, proto: node.proto, inputTypes: types, constants: constants,
            isUsed: isUsed, unique: uniqueValue)
        let op = try conversion.convert(&imported)
        if let unknown = imported.attributes.unread.first {
            throw .attribute(unknown, "the operator has no such attribute in opset \(node.opset)")
        }
        imported.trimInputs()
        let module = ModuleScopes.origin(of: node.proto)
        let first = nodes.count
        for var added in imported.addedNodes {
            added.name = uniqueNode(added.name)
            added.module = module
            nodes.append(added)
        }
        nodes.append(
            Node(name: node.name, op: op, inputs: imported.inputs, outputs: imported.outputs, module: module))
        addedConstants += imported.addedConstants
        typeFollowers += imported.typeFollowers
        flattenedSoftmaxAxes[node.name] = imported.flattenedSoftmaxAxis
        followTypes(of: nodes[first...], imported)
    }

    /// Contradictions are left to whoever infers the types of the whole graph, which can say what led to them.
    private mutating func followTypes(of added: ArraySlice<Node>, _ imported: NodeImport) {
        guard var values = knownValues else { return }
        knownValues = nil
        for constant in imported.addedConstants { values[constant.name] = InferredValue(constant.tensor) }
        let leaders = Dictionary(
            imported.typeFollowers.map { ($0.constant, $0.value) }, uniquingKeysWith: { first, _ in first })
        for node in added {
            for name in node.inputs {
                guard let leader = leaders[name], let type = values[leader]?.type.elementType else { continue }
                values[name] = InferredValue(TensorType(elementType: type, dimensions: []))
            }
            guard let outputs = try? ShapeInference.inferOutputs(of: node, values: values) else { continue }
            for (name, value) in zip(node.outputs, outputs) where !name.isEmpty { values[name] = value }
        }
        knownValues = values
    }
}
