public import Quantization

/// What makes a job the second pass of a calibration: every batch is counted in the bins that MegEngine's or PyTorch's histogram has
/// when it comes to that batch, which follow from the extremes of all batches.
///
/// A shard gives counts of its batches alone, so shards may be computed in any order and as often as anybody likes.
public struct HistogramOptions: Hashable, Sendable, Codable {
    /// Digest of the statistics of the first pass: calibration statistics with the extremes of every batch.
    public var statistics: ContentDigest
    /// Whose histogram of each observed tensor is counted.
    public var rules: [String: HistogramRule]
    /// Samples that the first pass left out, in ascending order.
    public var excludedSamples: [Int]

    /// Makes options.
    public init(statistics: ContentDigest, rules: [String: HistogramRule], excludedSamples: [Int] = []) {
        self.statistics = statistics
        self.rules = rules
        self.excludedSamples = excludedSamples
    }

    /// Number of bins of each tensor's histogram.
    public var binCounts: [String: Int] { rules.mapValues(\.binCount) }

    /// The specification of the second pass: that of the first with these options.
    ///
    /// - Throws: `JobSpecificationError` when the first pass was another kind of job.
    public func specification(
        after first: JobSpecification
    ) throws(JobSpecificationError) -> JobSpecification {
        var options = try ComputationOptions(text: first.options)
        guard options.evaluation == nil, options.training == nil, options.histograms == nil else {
            throw .malformed(reason: "only a calibration has a second pass")
        }
        options.histograms = self
        return try JobSpecification(
            model: first.model, dataDigest: first.dataDigest, sampleCount: first.sampleCount,
            batchSize: first.batchSize, batchesPerShard: first.batchesPerShard,
            observedTensors: rules.keys.sorted(), collectsHistograms: false, options: try options.canonicalText(),
            requiredInstructionSet: first.requiredInstructionSet)
    }

    /// The batches of a shard that are counted, each with its samples in increasing order.
    ///
    /// - Parameters:
    ///   - shard: The shard.
    ///   - plan: The plan of the second pass.
    ///   - skipped: Further samples that are left out.
    /// - Returns: The batches that have samples, in increasing order.
    public func batches(
        of shard: CalibrationPlan.Shard, in plan: CalibrationPlan, without skipped: Set<Int> = []
    ) -> [(batch: Int, samples: [Int])] {
        let excluded = skipped.union(excludedSamples)
        return shard.batches.compactMap { batch in
            let samples = plan.samples(ofBatch: batch).filter { !excluded.contains($0) }
            return samples.isEmpty ? nil : (batch, samples)
        }
    }
}
