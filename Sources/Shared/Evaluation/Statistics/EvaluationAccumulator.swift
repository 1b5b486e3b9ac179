public import Tensors

/// Gathers the statistics of batches: runs the graphs of a pair and compares what they give.
///
/// Who runs the graphs is the caller's business: any executor that can run them does.
public struct EvaluationAccumulator {
    /// A graph of the pair.
    public enum Role: Sendable, Hashable {
        /// `ModelPair.float`.
        case float
        /// `ModelPair.quantized`.
        case quantized
        /// `ModelPair.isolated`.
        case isolated
    }

    private let pair: ModelPair
    private var layers: [LayerStatistics]
    private var predictions: [SamplePrediction] = []

    /// Starts with no sample.
    public init(_ pair: ModelPair) {
        self.pair = pair
        layers = [LayerStatistics](repeating: LayerStatistics(), count: pair.layers.count)
    }

    /// Runs and compares a batch.
    ///
    /// Sums are taken sample by sample: a value whose outermost extent is a multiple of the number of samples belongs to them
    /// in equal parts, any other one counts as a whole.
    ///
    /// - Parameters:
    ///   - samples: Positions of the samples in the job.
    ///   - inputs: The model's inputs.
    ///   - run: Runs a graph of the pair and gives its outputs by name.
    /// - Throws: `EvaluationComputationError`, `EvaluationStatisticsError`, or what `run` throws.
    public mutating func addBatch(
        samples: [UInt64], inputs: [String: Tensor], run: (Role, [String: Tensor]) throws -> [String: Tensor]
    ) throws {
        let float = inputs.merging(try run(.float, inputs)) { first, _ in first }
        try countSaturation(float)
        do {
            let quantized = try run(.quantized, inputs)
            for (index, layer) in pair.layers.enumerated() {
                try compare(layer, float, quantized, samples.count) { (sample) throws(EvaluationStatisticsError) in
                    try layers[index].total.add(sample)
                }
            }
            try predict(samples, float, quantized)
        }
        var isolatedInputs = inputs
        for (name, value) in pair.isolatedInputs { isolatedInputs[name] = float[value] }
        let isolated = try run(.isolated, isolatedInputs)
        for (index, layer) in pair.layers.enumerated() {
            try compare(layer, float, isolated, samples.count) { (sample) throws(EvaluationStatisticsError) in
                try layers[index].own.add(sample)
            }
        }
    }

    /// The statistics of all batches.
    ///
    /// - Throws: `EvaluationStatisticsError` when there was no batch, or a sample came twice.
    public func finish(
        floatDigest: String, quantizedDigest: String, planDigest: String
    ) throws(EvaluationStatisticsError) -> EvaluationStatistics {
        try EvaluationStatistics(
            floatDigest: floatDigest, quantizedDigest: quantizedDigest, planDigest: planDigest,
            layers: Dictionary(uniqueKeysWithValues: zip(pair.layers.map(\.value), layers)),
            predictions: predictions.sorted { $0.sample < $1.sample })
    }

    private mutating func countSaturation(_ float: [String: Tensor]) throws {
        for (index, layer) in pair.layers.enumerated() {
            for quantizer in layer.quantizers {
                let tensor = try Self.tensor(quantizer.value, of: float)
                guard let saturated = quantizer.saturatedCount(in: tensor) else {
                    throw EvaluationComputationError.channels(value: quantizer.value, shape: tensor.shape)
                }
                try layers[index].count(quantized: tensor.elementCount, saturated: saturated)
            }
        }
    }

    private func compare(
        _ layer: EvaluatedLayer, _ float: [String: Tensor], _ candidates: [String: Tensor], _ count: Int,
        add: (ErrorMeasure) throws(EvaluationStatisticsError) -> Void
    ) throws {
        let reference = try Self.tensor(layer.value, of: float)
        let candidate = try Self.tensor(layer.quantizedValue, of: candidates)
        guard reference.shape == candidate.shape else {
            throw EvaluationComputationError.shapes(
                value: layer.value, float: reference.shape, quantized: candidate.shape)
        }
        let rows = reference.shape.dimensions.first ?? 0
        let parts = rows > 0 && rows % count == 0 ? count : 1
        let step = reference.elementCount / parts
        try reference.withElements(as: Float.self) { (left) throws(EvaluationStatisticsError) in
            try candidate.withElements(as: Float.self) { (right) throws(EvaluationStatisticsError) in
                for part in 0..<parts {
                    let range = part * step..<(part + 1) * step
                    try add(ErrorMeasure(reference: left.extracting(range), candidate: right.extracting(range)))
                }
            }
        }
    }

    private static func tensor(_ name: String, of values: [String: Tensor]) throws -> Tensor {
        guard let tensor = values[name] else { throw EvaluationComputationError.missing(value: name) }
        guard tensor.elementType == .float32 else {
            throw EvaluationComputationError.elementType(value: name, type: tensor.elementType)
        }
        return tensor
    }

    // MARK: Classes

    private mutating func predict(
        _ samples: [UInt64], _ float: [String: Tensor], _ quantized: [String: Tensor]
    ) throws {
        guard let scores = pair.scores else {
            predictions += samples.map { SamplePrediction(sample: $0) }
            return
        }
        let first = try classes(scores, of: float, count: samples.count)
        let second = try classes(scores, of: quantized, count: samples.count)
        for (index, sample) in samples.enumerated() {
            predictions.append(SamplePrediction(sample: sample, float: first[index], quantized: second[index]))
        }
    }

    /// The position of the largest score of each sample, of equal ones the first.
    ///
    /// When a score is not a number there is no largest one.
    private func classes(_ name: String, of values: [String: Tensor], count: Int) throws -> [Int32] {
        let scores = try Self.tensor(name, of: values)
        guard scores.shape.rank == 2, scores.shape[0] == count, scores.shape[1] >= 1 else {
            throw EvaluationComputationError.scores(value: name, shape: scores.shape, samples: count)
        }
        let columns = scores.shape[1]
        return scores.withElements(as: Float.self) { elements in
            (0..<count).map { row in
                var best = 0
                for column in 0..<columns {
                    let score = elements[row * columns + column]
                    if score.isNaN { return SamplePrediction.noClass }
                    if score > elements[row * columns + best] { best = column }
                }
                return Int32(best)
            }
        }
    }
}
