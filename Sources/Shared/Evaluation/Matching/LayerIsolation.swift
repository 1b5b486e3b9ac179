internal import Graphs
internal import Tensors

extension Graph {
    /// This graph, the quantized one, with every layer cut off from the ones before it.
    ///
    /// A layer of the QDQ form appears in up to three kinds of values: as it is before it is quantized, behind the pair with which
    /// it is compared, and behind further pairs for other readers. All of them become the same input, the float model's value;
    /// only the quantizer of the compared pair goes on reading what the layer computes.
    ///
    /// - Parameters:
    ///   - layers: The layers.
    ///   - types: Types of this graph's values, as far as they are known.
    /// - Returns: The graph, and for each input which value of the float model it takes.
    func isolating(
        _ layers: [EvaluatedLayer], types: [String: TensorType]
    ) -> (graph: Graph, inputs: [String: String]) {
        var taken = Set(nodes.flatMap(\.outputs)).union(initializers.keys).union(inputs.map(\.name))
        var floatValues: [String: String] = [:]
        var replacements: [String: String] = [:]
        for layer in layers {
            var name = "float/" + layer.value
            while !taken.insert(name).inserted { name += "'" }
            floatValues[name] = layer.value
            replacements[layer.quantizedValue] = name
        }
        let index = GraphIndex(self)
        for layer in layers where layer.source != layer.quantizedValue {
            let name = replacements[layer.quantizedValue]
            for value in [layer.source] + copies(of: layer.source, index) where replacements[value] == nil {
                replacements[value] = name
            }
        }
        // A quantizer takes what its own layer computes, and the float model's value in place of what another one does.
        var own: [Int: String] = [:]
        for layer in layers where layer.source != layer.quantizedValue {
            if let quantizer = layer.quantizer { own[quantizer] = replacements[layer.quantizedValue] }
        }
        var graph = self
        for position in graph.nodes.indices {
            graph.nodes[position].inputs = graph.nodes[position].inputs.map { input in
                guard let replacement = replacements[input], replacement != own[position] else { return input }
                return replacement
            }
        }
        graph.outputs = []
        graph = graph.returning(layers.map(\.quantizedValue), types: types)
        let read = Set(graph.nodes.flatMap(\.inputs))
        for layer in layers {
            guard let name = replacements[layer.quantizedValue], read.contains(name) else { continue }
            graph.inputs.append(Value(name: name, type: TensorType(elementType: .float32, dimensions: nil)))
        }
        graph.inputs.removeAll { !read.contains($0.name) }
        let kept = Set(graph.inputs.map(\.name))
        return (graph, floatValues.filter { kept.contains($0.key) })
    }

    /// What DequantizeLinear nodes give whose integers QuantizeLinear nodes make from a value, however many of each there are.
    private func copies(of value: String, _ index: GraphIndex) -> [String] {
        var copies: [String] = []
        for reader in index.readers(of: value) where reader.input == 0 {
            guard case .quantizeLinear = nodes[reader.node].op, let integers = nodes[reader.node].outputs.first else {
                continue
            }
            for place in index.readers(of: integers) where place.input == 0 {
                if case .dequantizeLinear = nodes[place.node].op { copies += nodes[place.node].outputs.prefix(1) }
            }
        }
        return copies
    }
}
