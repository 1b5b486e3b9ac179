import Calibration
import CoordinatorService
import CoordinatorStore

/// What the coordinator keeps of a calibration's first pass for the second one, beside what it keeps of every job.
struct KeptFirstPass: Codable {
    /// Digest of the statistics.
    let statistics: ContentDigest
    /// The plan, for the manifest.
    let plan: ResultManifest.Plan
}

extension KeptJob {
    /// Adds the histograms to the statistics of the first pass, and converts the model.
    func finish(
        _ counts: HistogramCounts, after first: KeptFirstPass, _ findings: JobFindings, plan: CalibrationPlan,
        blobs: BlobStore
    ) throws -> [ResultContent] {
        guard let options = try ComputationOptions(text: plan.specification.options).histograms else {
            throw JobStatisticsError()
        }
        let statistics = try CalibrationStatistics(
            decoding: blobs.bytes(first.statistics), name: "the statistics of the first pass")
        return try finish(statistics.adding(counts, options.rules), findings, plan: plan, blobs: blobs)
    }
}
