import Calibration
import CoordinatorService
import Foundation
import Quantization

/// The second pass of a calibration whose method reads a histogram of MegEngine or PyTorch, without the question who computes.
struct HistogramJob {
    /// How the samples are cut: as in the first pass.
    let plan: CalibrationPlan
    private let job: CalibrationJob
    private let options: HistogramOptions
    private let statistics: Blob

    /// Plans the second pass; `nil` when one is enough.
    ///
    /// - Parameters:
    ///   - job: The calibration.
    ///   - statistics: The statistics of its first pass.
    ///   - excludedSamples: Samples that the first pass left out, in ascending order.
    /// - Throws: An error that says what of the calibration cannot be repeated.
    init?(after job: CalibrationJob, _ statistics: CalibrationStatistics, excludedSamples: [Int] = []) throws {
        let rules = job.quantization.histogramRules
        guard !rules.isEmpty else { return nil }
        self.job = job
        self.statistics = Blob(try statistics.encoded())
        options = HistogramOptions(
            statistics: self.statistics.digest, rules: rules, excludedSamples: excludedSamples)
        plan = try CalibrationPlan(options.specification(after: job.plan.specification))
    }

    /// The job as the coordinator serves it.
    func clusterJob(
        delivery: PlanOptions.DataDeliveryChoice, paths: [String]
    ) throws -> ClusterJob<HistogramCounts> {
        ClusterJob(
            specification: plan.specification,
            delivery: job.dataset.delivery(delivery, paths: paths), blobs: job.model.blobs + [statistics],
            samples: job.dataset.isStreamed(delivery) ? job.streamedSamples : nil,
            reduction: try .histograms(plan: plan))
    }

    /// The statistics of the first pass with the histograms of the second.
    func complete(
        _ statistics: CalibrationStatistics, _ counts: HistogramCounts
    ) throws(HistogramCountsError) -> CalibrationStatistics {
        try statistics.adding(counts, options.rules)
    }
}
