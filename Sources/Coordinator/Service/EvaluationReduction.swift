public import Calibration
public import Evaluation

extension ShardReduction where Statistics == EvaluationStatistics {
    /// Reads and merges the statistics of an evaluation; exact, so the outcome is a function of the samples alone.
    ///
    /// - Parameter plan: The plan that workers have to have followed.
    /// - Returns: The reduction; it refuses statistics of other models, of another plan, or of other samples or layers.
    /// - Throws: `JobSpecificationError` when the plan is of no evaluation.
    public static func evaluation(plan: CalibrationPlan) throws(JobSpecificationError) -> ShardReduction {
        let options = try ComputationOptions(text: plan.specification.options)
        guard let evaluation = options.evaluation else {
            throw .malformed(reason: "its options are those of a calibration")
        }
        let models = try evaluation.models(of: plan.specification)
        let floatDigest = JobSpecification.modelDigest(of: models.float).hexadecimal
        let quantizedDigest = JobSpecification.modelDigest(of: models.quantized).hexadecimal
        return ShardReduction(
            decode: { bytes, shard, skipped in
                let statistics = try EvaluationStatistics(decoding: bytes, name: "shard \(shard.index)")
                guard statistics.floatDigest == floatDigest, statistics.quantizedDigest == quantizedDigest else {
                    throw EvaluationStatisticsError.modelsDiffer
                }
                guard statistics.planDigest == plan.digest.hexadecimal else {
                    throw EvaluationStatisticsError.plansDiffer(statistics.planDigest, plan.digest.hexadecimal)
                }
                let samples = shard.samples.filter { !skipped.contains($0) }
                guard statistics.predictions.map(\.sample) == samples.map(UInt64.init) else {
                    throw ShardContentError.samples(shard: shard.index)
                }
                guard statistics.layers.keys.sorted() == plan.specification.observedTensors else {
                    throw ShardContentError.tensors(shard: shard.index)
                }
                return statistics
            }, merge: { lower, upper in try lower.merging(upper) }, encode: { try $0.encoded() },
            decodeMerged: { try EvaluationStatistics(decoding: $0, name: "merged statistics") })
    }
}
