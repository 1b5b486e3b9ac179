import Conversion
import Datasets
import Execution
import Graphs
import Tensors

/// Equalizes a model with the largest elements that its samples give, and checks that it computes what it did.
struct EqualizationRun {
    /// The model with other parameters.
    let graph: Graph
    /// What became of each pair of layers.
    let pairs: [CrossLayerEqualization.PairReport]
    /// Largest difference between an element of the outputs before and after, over the first batch: 0.
    let largestDifference: Double

    /// Runs the samples through the model.
    ///
    /// - Parameters:
    ///   - graph: A float model.
    ///   - dataset: Its samples.
    ///   - batchSize: Samples that run at once.
    /// - Throws: What reading the samples and running the model throws; `CommandFailure` for a model without such layers, and when
    ///   the outputs are not the same.
    init(_ graph: Graph, _ dataset: CalibrationDataset, batchSize: Int) throws {
        let equalization = CrossLayerEqualization(graph)
        let bounded = equalization.boundedValues
        var observed = graph
        let known = Set(graph.outputs.map(\.name))
        observed.outputs += bounded.filter { !known.contains($0) }.map {
            .init(name: $0, type: TensorType(elementType: .float32, dimensions: nil))
        }
        let executor = try AcceleratedExecutor(observed)
        var largest: [String: [Float]] = [:]
        var first: (inputs: [String: Tensor], outputs: [String: Tensor])?
        let count = bounded.isEmpty ? min(batchSize, dataset.source.sampleCount) : dataset.source.sampleCount
        var progress = ProgressLine(title: "looking at channels", unit: "samples")
        for start in stride(from: 0, to: count, by: batchSize) {
            let range = start..<min(start + batchSize, count)
            let parts = try dataset.decoder.assembleBatches(
                range.map { index in
                    let sample = try dataset.decoder.decode(dataset.source.readRaw(index))
                    try sample.requireFinite()
                    return sample
                })
            for part in parts {
                let outputs = try executor.run(part.inputs)
                for name in bounded {
                    guard let tensor = outputs[name] else { continue }
                    largest[name] = Self.largest(tensor, largest[name])
                }
                if first == nil { first = (part.inputs, outputs) }
            }
            progress.update(done: range.upperBound, total: count)
        }
        progress.finish()
        let equalized = try equalization.equalized(largest: largest)
        (self.graph, pairs) = equalized
        guard !equalized.pairs.isEmpty else {
            throw CommandFailure(
                .badData,
                "No two convolutions or linear layers have only rectifiers, pooling and the like between them: there is nothing to equalize"
            )
        }
        largestDifference = try first.map { try Self.difference(equalized.graph, $0.inputs, $0.outputs) } ?? 0
        guard largestDifference == 0 else {
            throw CommandFailure(
                .badData,
                "The equalized model would compute something else: its outputs differ by \(largestDifference) over the first batch. "
                    + "Nothing was written; the model has numbers so small or so large that float32 cannot scale them exactly, or its "
                    + "outputs are no numbers ('tare run' shows them)")
        }
    }

    /// The largest difference between what a graph computes and other outputs.
    private static func difference(
        _ graph: Graph, _ inputs: [String: Tensor], _ others: [String: Tensor]
    ) throws -> Double {
        let outputs = try AcceleratedExecutor(graph).run(inputs)
        return graph.outputs.reduce(0) { max($0, difference(others[$1.name], outputs[$1.name])) }
    }

    /// The largest element of each channel, of a tensor [N, C, ...] and of what was known.
    private static func largest(_ tensor: Tensor, _ known: [Float]?) -> [Float] {
        let channels = tensor.shape.rank > 1 ? tensor.shape[1] : 1
        var result = known ?? [Float](repeating: -.infinity, count: channels)
        let inner = tensor.shape.dimensions.dropFirst(2).reduce(1, *)
        tensor.withElements(as: Float.self) { elements in
            for place in elements.indices {
                let channel = place / inner % channels
                result[channel] = max(result[channel], elements[place])
            }
        }
        return result
    }

    private static func difference(_ left: Tensor?, _ right: Tensor?) -> Double {
        guard let left, let right, left.shape == right.shape, left.elementType == .float32 else {
            return left == right ? 0 : .infinity
        }
        return zip(left.elements(as: Float.self), right.elements(as: Float.self))
            .reduce(0) { largest, pair in
                let difference = pair.0 == pair.1 ? 0 : abs(Double(pair.0) - Double(pair.1))
                // Where one is not a number nothing is known to be the same.
                return max(largest, difference.isNaN ? .infinity : difference)
            }
    }
}
