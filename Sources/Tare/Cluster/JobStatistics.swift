import Calibration
import CoordinatorService
import Evaluation

/// What the shards of a daemon's job give: a calibration's statistics, the counts of its second pass, or an evaluation's statistics.
enum JobStatistics: Sendable {
    case calibration(CalibrationStatistics)
    case histograms(HistogramCounts)
    case evaluation(EvaluationStatistics)

    /// The calibration's.
    ///
    /// - Throws: When they are another job's.
    func calibrated() throws -> CalibrationStatistics {
        guard case .calibration(let statistics) = self else { throw JobStatisticsError() }
        return statistics
    }

    /// The second pass's.
    ///
    /// - Throws: When they are another job's.
    func counted() throws -> HistogramCounts {
        guard case .histograms(let counts) = self else { throw JobStatisticsError() }
        return counts
    }

    /// The evaluation's.
    ///
    /// - Throws: When they are another job's.
    func evaluated() throws -> EvaluationStatistics {
        guard case .evaluation(let statistics) = self else { throw JobStatisticsError() }
        return statistics
    }
}

/// The statistics of a job are of another kind than the job.
struct JobStatisticsError: Error, CustomStringConvertible {
    var description: String { "the statistics are of another kind of job" }
}

extension ShardReduction {
    /// The same reduction among the kinds of a daemon.
    func asJobStatistics(
        _ wrap: @escaping @Sendable (Statistics) -> JobStatistics,
        _ unwrap: @escaping @Sendable (JobStatistics) throws -> Statistics
    ) -> ShardReduction<JobStatistics> {
        let (decode, merge, encode, decodeMerged) = (decode, merge, encode, decodeMerged)
        return ShardReduction<JobStatistics>(
            decode: { bytes, shard, skipped in wrap(try decode(bytes, shard, skipped)) },
            merge: { lower, upper in wrap(try merge(unwrap(lower), unwrap(upper))) },
            encode: { try encode(unwrap($0)) }, decodeMerged: { wrap(try decodeMerged($0)) })
    }
}
