internal import Conversion
public import Execution
public import Graphs
internal import Quantization
public import Tensors

extension Network {
    /// Computes the outputs of a batch, and takes in what enabled observers, and normalizations in training, saw of it.
    ///
    /// - Parameters:
    ///   - inputs: One tensor for each input, by name.
    ///   - makeExecutor: Makes what computes; oneDNN by default.
    /// - Returns: The outputs by name.
    /// - Throws: `ModuleError.inferenceOnly` for a quantized network in training, `ExecutionError` when it cannot be computed.
    public mutating func run(
        _ inputs: [String: Tensor],
        makeExecutor: (Graph) throws(ExecutionError) -> any GraphExecutor = { (graph) throws(ExecutionError) in
            try AcceleratedExecutor(graph)
        }
    ) throws -> [String: Tensor] {
        let expanded = try graph.expandingModules(isTraining: isTraining)
        var running = expanded.graph
        let sources = expanded.sourcesToReturn
        var returned = Set(running.outputs.map(\.name)).union(inputs.keys)
        for name in sources where returned.insert(name).inserted {
            running.outputs.append(.init(name: name, type: TensorType(elementType: .float32, dimensions: nil)))
        }
        let outputs = try makeExecutor(running).run(inputs, tap: nil)
        try graph.fold(
            expanded.observations,
            of: [ObservedBatch(expanded, of: inputs.merging(outputs) { _, output in output })])
        let own = Set(graph.outputs.map(\.name))
        return outputs.filter { own.contains($0.key) }
    }
}

extension ExpandedModules {
    /// The tensors that folding needs beside what is observed of them, or whose extents it needs.
    fileprivate var sourcesToReturn: [String] {
        observations.filter { observation in
            switch observation {
            case .observer(_, let specification, _, _, _):
                if case .histogram = specification.algorithm { true } else { false }
            case .normalization: true
            }
        }.map(\.source)
    }
}

extension ObservedBatch {
    /// Takes from all values of a run what folding needs.
    init(_ expanded: ExpandedModules, of values: [String: Tensor]) {
        var counts: [String: Int] = [:]
        for case .normalization(_, _, _, _, _, let source) in expanded.observations {
            guard let shape = values[source]?.shape, shape.rank >= 2, shape[1] > 0 else { continue }
            counts[source] = shape.elementCount / shape[1]
        }
        let sources = expanded.observations.map(\.source)
        self.init(
            values: values.filter { entry in expanded.observations.contains { $0.values.contains(entry.key) } },
            channelElementCounts: counts,
            sources: Dictionary(
                uniqueKeysWithValues: Set(sources).compactMap { name in values[name].map { (name, $0) } }))
    }
}
