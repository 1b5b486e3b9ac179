public import Graphs
internal import Tensors

extension Graph {
    /// The graph of a model that is written in Swift.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - name: Name of the graph.
    ///   - input: Name of the model's input.
    ///   - shape: Its extents; the outermost, that of the batch, stays free and is not among them.
    ///   - output: Name of the result.
    ///   - initialization: What parameters begin with.
    public init(
        tracing model: some Module, name: String = "model", input: String = "data", shape: [Int],
        output: String = "output", initialization: ParameterInitialization = ParameterInitialization()
    ) {
        var seen: Set<ObjectIdentifier> = []
        LayerNaming.forEachLayer(in: model, path: "") { layer, path in
            // A layer that lies at two places belongs to the first.
            if seen.insert(ObjectIdentifier(layer)).inserted { layer.path = path }
        }
        let tracer = Tracer(initialization, layers: seen)
        let result = model.forward(Modules.Value(name: input, tracer: tracer))
        var nodes = tracer.nodes
        if let last = nodes.lastIndex(where: { $0.outputs == [result.name] }) {
            for index in nodes.indices {
                nodes[index].inputs = nodes[index].inputs.map { $0 == result.name ? output : $0 }
            }
            nodes[last].outputs = [output]
        } else {
            nodes.append(Node(name: "Identity", op: .identity, inputs: [result.name], outputs: [output]))
        }
        let type = TensorType(elementType: .float32, dimensions: [.symbol("N")] + shape.map { .fixed($0) })
        self.init(
            name: name, inputs: [.init(name: input, type: type)],
            outputs: [.init(name: output, type: TensorType(elementType: .float32, dimensions: nil))],
            initializers: tracer.initializers, nodes: nodes)
    }
}
