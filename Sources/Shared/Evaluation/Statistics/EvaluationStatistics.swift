/// How far a quantized model is from its float model: what one shard, or any number of merged shards, contributes.
///
/// Merging is exact, associative and commutative, and the encoding is canonical: the same samples give the same bytes, however
/// they were split and in whatever order the parts were merged.
public struct EvaluationStatistics: Sendable, Hashable {
    /// Digest of the float model.
    public let floatDigest: String
    /// Digest of the quantized model.
    public let quantizedDigest: String
    /// Digest of the plan that defines the batches.
    public let planDigest: String
    /// The layers by the names of their values in the float model.
    public let layers: [String: LayerStatistics]
    /// The samples that were counted, ascending, each with its predictions when the models are classifiers.
    public let predictions: [SamplePrediction]

    /// Makes statistics.
    ///
    /// - Throws: When there is no sample or a layer without a name, the samples do not ascend, or only some have predictions.
    public init(
        floatDigest: String, quantizedDigest: String, planDigest: String, layers: [String: LayerStatistics],
        predictions: [SamplePrediction]
    ) throws(EvaluationStatisticsError) {
        guard layers[""] == nil else { throw .unnamedLayer }
        guard let first = predictions.first else { throw .noSamples }
        for (previous, next) in zip(predictions, predictions.dropFirst()) where previous.sample >= next.sample {
            throw .samplesNotSorted(next.sample)
        }
        for prediction in predictions {
            guard (prediction.float == nil) == (first.float == nil),
                (prediction.quantized == nil) == (first.float == nil),
                prediction.float ?? 0 >= SamplePrediction.noClass, prediction.quantized ?? 0 >= SamplePrediction.noClass
            else { throw .predictionsIncomplete(prediction.sample) }
        }
        self.init(
            floatDigest: floatDigest, quantizedDigest: quantizedDigest, planDigest: planDigest, checked: layers,
            predictions: predictions)
    }

    private init(
        floatDigest: String, quantizedDigest: String, planDigest: String, checked layers: [String: LayerStatistics],
        predictions: [SamplePrediction]
    ) {
        self.floatDigest = floatDigest
        self.quantizedDigest = quantizedDigest
        self.planDigest = planDigest
        self.layers = layers
        self.predictions = predictions
    }

    /// Whether the samples have predictions.
    public var hasPredictions: Bool { predictions.first?.float != nil }

    /// The statistics of the samples of both.
    ///
    /// - Throws: When models, plan or layers differ, a sample occurs in both, or a count overflows.
    public func merging(_ other: EvaluationStatistics) throws(EvaluationStatisticsError) -> EvaluationStatistics {
        guard floatDigest == other.floatDigest, quantizedDigest == other.quantizedDigest else { throw .modelsDiffer }
        guard planDigest == other.planDigest else { throw .plansDiffer(planDigest, other.planDigest) }
        guard hasPredictions == other.hasPredictions else { throw .predictionsInOneOnly }
        var merged: [String: LayerStatistics] = [:]
        merged.reserveCapacity(layers.count)
        for name in Set(layers.keys).union(other.layers.keys).sorted() {
            guard let left = layers[name], let right = other.layers[name] else { throw .layerInOneOnly(name) }
            merged[name] = try left.merging(right)
        }
        return EvaluationStatistics(
            floatDigest: floatDigest, quantizedDigest: quantizedDigest, planDigest: planDigest, checked: merged,
            predictions: try Self.merge(predictions, other.predictions))
    }

    private static func merge(
        _ left: [SamplePrediction], _ right: [SamplePrediction]
    ) throws(EvaluationStatisticsError) -> [SamplePrediction] {
        var merged: [SamplePrediction] = []
        merged.reserveCapacity(left.count + right.count)
        var (i, j) = (0, 0)
        while i < left.count || j < right.count {
            if j == right.count || (i < left.count && left[i].sample < right[j].sample) {
                merged.append(left[i])
                i += 1
            } else if i == left.count || right[j].sample < left[i].sample {
                merged.append(right[j])
                j += 1
            } else {
                throw .duplicateSample(left[i].sample)
            }
        }
        return merged
    }
}
