import Calibration
import CoordinatorService
import CoordinatorStore
import Evaluation

/// What the coordinator keeps of an evaluation beside what it keeps of every job.
struct KeptEvaluation: Codable {
    /// Digest of the manifest of the job that made the quantized model.
    let manifest: ContentDigest
    /// The right class of each sample; `nil` without labels.
    let labels: [Int]?
}

extension KeptJob {
    /// Puts what quantization cost into the manifest.
    ///
    /// - Returns: The quantized model as it was, the manifest with the report, and the statistics of the evaluation.
    func finish(
        _ statistics: EvaluationStatistics, of evaluation: KeptEvaluation, _ findings: JobFindings,
        plan: CalibrationPlan,
        blobs: BlobStore
    ) throws -> [ResultContent] {
        let specification = plan.specification
        guard let options = try ComputationOptions(text: specification.options).evaluation else {
            throw JobStatisticsError()
        }
        let models = try options.models(of: specification)
        let pair = try ModelPair(
            imported: Self.graph(models.float, blobs: blobs),
            quantized: .graph(Self.graph(models.quantized, blobs: blobs)))
        var manifest = try ResultManifest(jsonBytes: blobs.bytes(evaluation.manifest))
        let data = data(without: findings)
        let provenance = EvaluationReport.Provenance(
            floatModel: model, quantizedModel: manifest.output, data: data,
            plan: ResultManifest.Plan(plan), instructionSet: plan.specification.requiredInstructionSet)
        manifest.evaluation = try EvaluationReport(
            statistics, layers: pair.layers, unmatched: pair.unmatched, provenance: provenance,
            labels: evaluation.labels
        ).document
        var results = [
            ResultContent(.model, bytes: try blobs.bytes(models.quantized[0].digest)),
            ResultContent(.manifest, bytes: try manifest.jsonBytes()),
            ResultContent(.statistics, bytes: try statistics.encoded()),
        ]
        if let digest = manifest.mlu.flatMap({ ContentDigest(hexadecimal: $0.stateSHA256) }) {
            results.append(ResultContent(.state, bytes: try blobs.bytes(digest)))
        }
        return results
    }
}
