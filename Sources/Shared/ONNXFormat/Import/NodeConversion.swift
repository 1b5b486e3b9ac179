internal import Graphs
internal import Tensors

/// What the conversion of a node may ask about the model around it.
struct ConversionContext {
    /// Looks up an initializer by name.
    let constants: (String) -> Tensor?
    /// Whether a value is read by a node or leaves a graph.
    let isUsed: (String) -> Bool
    /// Makes names of values that nothing has yet.
    let valueNames: UniqueNames
    /// Makes names of nodes that nothing has yet.
    let nodeNames: UniqueNames
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
    /// What cannot be converted.
    private(set) var refusals: [ONNXImportError.UnsupportedAttribute] = []
    /// What is known about values so far, when a conversion asks for it; nothing else is inferred here.
    private var knownValues: [String: InferredValue]?

    /// Starts with what is known about values; `nil` when no conversion asks.
    init(knownValues: [String: InferredValue]?) {
        self.knownValues = knownValues
    }

    /// Converts nodes; what cannot be converted is collected.
    mutating func add(_ nodes: [FlatGraph.FlatNode], _ context: ConversionContext) throws(ONNXImportError) {
        for node in nodes {
            do {
                if node.bodies.isEmpty { try add(node, context) }
            } catch {
                refuse(node, error)
            }
            if !node.bodies.isEmpty { try addControl(node, context) }
        }
    }

    private mutating func refuse(_ node: FlatGraph.FlatNode, _ refusal: NodeRefusal) {
        refusals.append(
            .init(
                node: node.name, operatorName: node.proto.opType, attribute: refusal.subject, reason: refusal.reason))
    }

    private mutating func add(_ node: FlatGraph.FlatNode, _ context: ConversionContext) throws(NodeRefusal) {
        guard let conversion = node.conversion else { return }
        let types = conversion.readsTypes ? node.proto.input.map { knownValues?[$0]?.type } : []
        var imported = try NodeImport(
            name: node.name, opset: node.opset, proto: node.proto, inputTypes: types, constants: context.constants,
            isUsed: context.isUsed, unique: context.valueNames.unique)
        let op = try conversion.convert(&imported)
        if let unknown = imported.attributes.unread.first {
            throw .attribute(unknown, "the operator has no such attribute in opset \(node.opset)")
        }
        imported.trimInputs()
        let module = ModuleScopes.origin(of: node.proto)
        let first = nodes.count
        for var added in imported.addedNodes {
            added.name = context.nodeNames.unique(added.name)
            added.module = module
            nodes.append(added)
        }
        nodes.append(
            Node(name: node.name, op: op, inputs: imported.inputs, outputs: imported.outputs, module: module))
        addedConstants += imported.addedConstants
        typeFollowers += imported.typeFollowers
        flattenedSoftmaxAxes[node.name] = imported.flattenedSoftmaxAxis
        followTypes(of: nodes[first...], constants: imported.addedConstants, followers: imported.typeFollowers)
    }

    /// Contradictions are left to whoever infers the types of the whole graph, which can say what led to them.
    private mutating func followTypes(
        of added: ArraySlice<Node>, constants: [(name: String, tensor: Tensor)],
        followers: [NodeImport.TypeFollower]
    ) {
        guard var values = knownValues else { return }
        // The dictionary has one owner at a time, so that it is not copied for each node.
        knownValues = nil
        for constant in constants { values[constant.name] = InferredValue(constant.tensor) }
        let leaders = Dictionary(
            followers.map { ($0.constant, $0.value) }, uniquingKeysWith: { first, _ in first })
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

extension NodeConversion {
    /// Converts a node that runs graphs of its own.
    private mutating func addControl(
        _ node: FlatGraph.FlatNode, _ context: ConversionContext
    ) throws(ONNXImportError) {
        var converted: [(graph: Graph, types: [TensorType?])] = []
        for body in node.bodies {
            let formal: [TensorType]
            let captured: [Graph.Value]
            do {
                formal = try ControlFamily.formalTypes(of: body, in: node, known: knownValues ?? [:])
                captured = try capturedValues(of: node)
            } catch {
                return refuse(node, error)
            }
            guard let graph = try graph(of: body, formal: formal, captured: captured, context) else { return }
            converted.append(graph)
        }
        let bodies = try withOutputs(converted, of: node)
        do {
            let op = try ControlFamily.op(node, bodies: bodies)
            nodes.append(
                Node(
                    name: node.name, op: .control(op), inputs: node.proto.input, outputs: node.proto.output,
                    module: ModuleScopes.origin(of: node.proto)))
        } catch {
            return refuse(node, error)
        }
        followTypes(of: nodes[(nodes.count - 1)...], constants: [], followers: [])
    }

    private func capturedValues(of node: FlatGraph.FlatNode) throws(NodeRefusal) -> [Graph.Value] {
        var values: [Graph.Value] = []
        for name in node.proto.input.dropFirst(node.formalInputs.count) {
            guard let type = knownValues?[name]?.type else {
                throw .attribute("body", "the type of '\(name)', which it reads, must be known; sort the nodes")
            }
            values.append(Graph.Value(name: name, type: type))
        }
        return values
    }

    /// The graphs of a node with their outputs.
    ///
    /// A branch whose types do not fit is never taken: its outputs are of the types that the other one gives.
    private func withOutputs(
        _ converted: [(graph: Graph, types: [TensorType?])], of node: FlatGraph.FlatNode
    ) throws(ONNXImportError) -> [Graph] {
        var graphs: [Graph] = []
        for (body, own) in zip(node.bodies, converted) {
            var graph = own.graph
            for (index, name) in body.outputs.enumerated() {
                let others = converted.compactMap { $0.types.indices.contains(index) ? $0.types[index] : nil }
                let other = others.first.map { TensorType(elementType: $0.elementType, dimensions: nil) }
                guard let type = own.types[index] ?? other else { throw .invalidGraph(.undefinedOutput(value: name)) }
                graph.outputs.append(Graph.Value(name: name, type: type))
            }
            graphs.append(graph)
        }
        return graphs
    }

    /// The graph of a body without its outputs, and what is known about these; `nil` after a refusal.
    private mutating func graph(
        of body: FlatGraph.FlatBody, formal: [TensorType], captured: [Graph.Value], _ context: ConversionContext
    ) throws(ONNXImportError) -> (graph: Graph, types: [TensorType?])? {
        let inputs = zip(body.inputs, formal).map { Graph.Value(name: $0, type: $1) } + captured
        var values: [String: InferredValue] = [:]
        for input in inputs { values[input.name] = knownValues?[input.name] ?? InferredValue(input.type) }
        var conversion = NodeConversion(knownValues: values)
        try conversion.add(body.nodes, context)
        guard conversion.refusals.isEmpty else {
            refusals += conversion.refusals
            return nil
        }
        var graph = Graph(
            name: body.name, inputs: inputs, outputs: [],
            initializers: Dictionary(
                conversion.addedConstants.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first }),
            nodes: conversion.nodes)
        do {
            graph = try graph.topologicallySorted()
        } catch {
            throw .invalidGraph(error)
        }
        graph = try LegacyForms(graph, conversion: conversion, valueNames: context.valueNames).modernized()
        let types: [String: TensorType]
        do {
            types = try ShapeInference.infer(graph)
        } catch {
            // A branch that is never taken need not fit.
            guard body.isBranch else { throw .inconsistentTypes(error) }
            types = [:]
        }
        // Extents that follow from nothing are declared for what never runs.
        let outputs: [TensorType?] = body.outputs.enumerated().map { index, name in
            let declared = body.outputTypes[index]
            return types[name]?.completed(by: declared) ?? declared
        }
        return (graph, outputs)
    }
}
