public import Calibration

extension ShardReduction where Statistics == CalibrationStatistics {
    /// Reads and merges the statistics of a calibration; exact, so the outcome is a function of the batches alone.
    ///
    /// - Parameters:
    ///   - modelDigest: Digest of the model that workers have to have run, in hexadecimal.
    ///   - plan: The plan that they have to have followed.
    /// - Returns: The reduction; it refuses statistics of another model or plan.
    public static func calibration(modelDigest: String, plan: CalibrationPlan) -> ShardReduction {
        ShardReduction(
            decode: { bytes, shard, skipped in
                let statistics = try CalibrationStatistics(decoding: bytes, name: "shard \(shard.index)")
                guard statistics.modelDigest == modelDigest else {
                    throw CalibrationStatisticsError.modelsDiffer(statistics.modelDigest, modelDigest)
                }
                guard statistics.planDigest == plan.digest.hexadecimal else {
                    throw CalibrationStatisticsError.plansDiffer(statistics.planDigest, plan.digest.hexadecimal)
                }
                let batches = shard.batches.filter { !plan.samples(ofBatch: $0).allSatisfy(skipped.contains) }
                guard statistics.batchIndices == batches.map(UInt64.init) else {
                    throw ShardContentError.batches(shard: shard.index)
                }
                guard statistics.tensors.keys.sorted() == plan.specification.observedTensors else {
                    throw ShardContentError.tensors(shard: shard.index)
                }
                return statistics
            }, merge: { lower, upper in try lower.merging(upper) }, encode: { try $0.encoded() },
            decodeMerged: { try CalibrationStatistics(decoding: $0, name: "merged statistics") })
    }
}

/// Why a worker's statistics are not those of its shard.
enum ShardContentError: Error, CustomStringConvertible {
    case batches(shard: Int)
    case samples(shard: Int)
    case tensors(shard: Int)

    var description: String {
        switch self {
        case .batches(let shard): "The statistics of shard \(shard) are of other batches; the worker is faulty"
        case .samples(let shard): "The statistics of shard \(shard) are of other samples; the worker is faulty"
        case .tensors(let shard): "The statistics of shard \(shard) are of other tensors; the worker is faulty"
        }
    }
}
