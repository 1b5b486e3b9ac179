public import Calibration

extension ShardReduction where Statistics == HistogramCounts {
    /// Reads and merges the counts of a calibration's second pass; exact, so the outcome is a function of the batches alone.
    ///
    /// - Parameter plan: The plan that workers have to have followed.
    /// - Returns: The reduction; it refuses counts of another model or plan, or of other batches, tensors or bins.
    /// - Throws: `JobSpecificationError` when the plan is of no second pass.
    public static func histograms(plan: CalibrationPlan) throws(JobSpecificationError) -> ShardReduction {
        let specification = plan.specification
        guard let options = try ComputationOptions(text: specification.options).histograms else {
            throw .malformed(reason: "its options are not those of a second pass")
        }
        let modelDigest = specification.modelDigest.hexadecimal
        return ShardReduction(
            decode: { bytes, shard, skipped in
                let counts = try HistogramCounts(decoding: bytes, name: "shard \(shard.index)")
                guard counts.modelDigest == modelDigest else {
                    throw HistogramCountsError.modelsDiffer(counts.modelDigest, modelDigest)
                }
                guard counts.planDigest == plan.digest.hexadecimal else {
                    throw HistogramCountsError.plansDiffer(counts.planDigest, plan.digest.hexadecimal)
                }
                let batches = options.batches(of: shard, in: plan, without: skipped)
                guard counts.batchIndices == batches.map({ UInt64($0.batch) }) else {
                    throw ShardContentError.batches(shard: shard.index)
                }
                guard counts.tensors.mapValues(\.binCount) == options.binCounts else {
                    throw ShardContentError.tensors(shard: shard.index)
                }
                return counts
            }, merge: { lower, upper in try lower.merging(upper) }, encode: { try $0.encoded() },
            decodeMerged: { try HistogramCounts(decoding: $0, name: "merged counts") })
    }
}
