import Graphs
import Tensors

/// Feeds many samples through an executor a batch at a time and joins the outputs.
///
/// Splitting needs a model whose inputs and outputs all have a free outermost extent; any other model runs once on the
/// whole arrays.
struct BatchedRun {
    private let graph: Graph
    private let batchSize: Int
    private let compute: ([String: Tensor]) throws -> [String: Tensor]

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - graph: The model.
    ///   - batchSize: Samples at a time.
    ///   - compute: Computes the graph's outputs for one batch.
    init(_ graph: Graph, batchSize: Int, compute: @escaping ([String: Tensor]) throws -> [String: Tensor]) {
        self.graph = graph
        self.batchSize = batchSize
        self.compute = compute
    }

    /// Runs all samples; `progress` receives the number done and the total.
    func run(
        _ inputs: [String: Tensor], progress: (Int, Int) -> Void
    ) throws -> [String: Tensor] {
        let extents = Set(inputs.values.map { $0.shape.dimensions.first ?? 0 })
        guard let total = extents.first, extents.count == 1, total > 0, let step = step(total: total) else {
            return try compute(inputs)
        }
        // A single batch needs no joining.
        if step >= total { return try compute(inputs) }
        var parts: [String: [Tensor]] = [:]
        for start in stride(from: 0, to: total, by: step) {
            let range = start..<min(start + step, total)
            let outputs = try compute(inputs.mapValues { $0.slice(outermost: range) })
            for value in graph.outputs {
                guard let tensor = outputs[value.name] else { continue }
                guard tensor.shape.dimensions.first == range.count else {
                    // The output is no batch of per-sample results, so batches cannot be joined.
                    return try compute(inputs)
                }
                parts[value.name, default: []].append(tensor)
            }
            progress(range.upperBound, total)
        }
        return parts.mapValues(Tensor.init(joining:))
    }

    /// How many samples one run takes: the model's fixed batch extent, or `batchSize` when the extent is free.
    private func step(total: Int) -> Int? {
        let fixed = Set(graph.inputs.compactMap { $0.type.dimensions?.first?.fixedValue })
        if fixed.isEmpty { return min(batchSize, total) }
        guard fixed.count == 1, let extent = fixed.first, extent > 0, total % extent == 0 else { return nil }
        return extent
    }
}
