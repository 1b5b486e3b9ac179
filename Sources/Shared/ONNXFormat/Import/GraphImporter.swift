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
        graph = try LegacyForms(graph, conversion: conversion, valueNames: valueNames).modernized()
        do {
            try graph.validateElementTypes()
        } catch {
            throw .inconsistentTypes(error)
        }
        return graph
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
        let dimensions = tensor.shape.dim.map(dimension)
        guard Shape(checking: dimensions.compactMap(\.fixedValue)) != nil else {
            throw .invalidValue(name: value.name, reason: "no tensor has the extents \(dimensions)")
        }
        return TensorType(elementType: elementType, dimensions: dimensions)
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
        let used = Set(proto.output.map(\.name)).union(Self.read(by: flat.nodes))
        var known: [String: InferredValue]?
        if flat.nodes.contains(where: { $0.conversion?.readsTypes == true || !$0.bodies.isEmpty }) {
            var values = initializers.mapValues { InferredValue($0) }
            for input in inputs { values[input.name] = InferredValue(input.type) }
            known = values
        }
        var conversion = NodeConversion(knownValues: known)
        try conversion.add(
            flat.nodes,
            ConversionContext(
                constants: { initializers[$0] }, isUsed: { used.contains($0) }, valueNames: flat.valueNames,
                nodeNames: flat.nodeNames))
        guard conversion.refusals.isEmpty else { throw .unsupportedAttributes(conversion.refusals) }
        return conversion
    }

    /// The values that nodes, and nodes of graphs inside them, read or give.
    private static func read(by nodes: [FlatGraph.FlatNode]) -> Set<String> {
        var names: Set<String> = []
        for node in nodes {
            names.formUnion(node.proto.input)
            for body in node.bodies { names.formUnion(read(by: body.nodes).union(body.outputs)) }
        }
        return names
    }
}
