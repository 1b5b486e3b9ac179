import Calibration
import Conversion
import CoordinatorService
import Datasets
import Execution
import Foundation
import Graphs
import ONNXFormat
import Quantization

/// A calibration from the files that the user named to the files that come out, without the question who computes.
struct CalibrationJob {
    /// The float model.
    let model: SourceModel
    /// The samples.
    let dataset: CalibrationDataset
    /// What is quantized and observed.
    let quantization: ConversionPlan
    /// How the samples are cut into batches and shards, and with its specification what decides the statistics.
    let plan: CalibrationPlan

    /// Reads the model and the data and checks everything that can be checked before anything is computed.
    init(model path: String, data: DataOptions, scheme: SchemeOptions, plan: PlanOptions) throws {
        let scheme = try scheme.resolved()
        model = try SourceModel(path: path)
        quantization = try ConversionPlan(model.imported.graph, scheme: scheme)
        guard !quantization.observedTensors.isEmpty else {
            throw CommandFailure(
                .badData, "No node of '\(path)' would be quantized; 'tare inspect \(path)' shows its operators")
        }
        let batchSize = try Self.batchSize(plan.batchSize, for: model.imported.graph)
        dataset = try CalibrationDataset(data, graph: model.imported.graph)
        guard let dataDigest = ContentDigest(hexadecimal: dataset.summary.sha256) else {
            throw CommandFailure(.internalFault, "The digest of the data is malformed: \(dataset.summary.sha256)")
        }
        let specification = try JobSpecification(
            model: model.files, dataDigest: dataDigest, sampleCount: dataset.source.sampleCount,
            batchSize: batchSize, batchesPerShard: plan.shardBatches,
            observedTensors: quantization.observedTensors, collectsHistograms: true,
            options: try dataset.options.canonicalText(), requiredInstructionSet: InstructionSet.arithmetic)
        self.plan = try CalibrationPlan(specification)
    }

    /// The job as the coordinator serves it.
    func clusterJob(
        delivery: PlanOptions.DataDeliveryChoice, paths: [String]
    ) -> ClusterJob<CalibrationStatistics> {
        let digest = plan.specification.modelDigest.hexadecimal
        return ClusterJob(
            specification: plan.specification,
            delivery: dataset.delivery(delivery, paths: paths), blobs: model.blobs,
            samples: dataset.isStreamed(delivery) ? streamedSamples : nil,
            reduction: .calibration(modelDigest: digest, plan: plan))
    }

    /// The samples' raw bytes.
    var streamedSamples: StreamedSamples { StreamedSamples(source: dataset.source) }

    /// Converts the model with the statistics of the whole job.
    ///
    /// - Parameters:
    ///   - statistics: The statistics of the whole job.
    ///   - histogramPlan: The plan of the second pass, if there was one.
    ///   - name: Name of the quantized model's file.
    /// - Returns: The model and its manifest.
    /// - Throws: An error that names the tensor or node that cannot be quantized.
    func convert(
        _ statistics: CalibrationStatistics, histogramPlan: CalibrationPlan? = nil, name: String
    ) throws -> ModelConversion.Output {
        let provenance = ModelConversion.Provenance(
            data: dataset.summary, plan: ResultManifest.Plan(plan),
            histogramPlan: histogramPlan.map(ResultManifest.Plan.init),
            instructionSet: plan.specification.requiredInstructionSet)
        return try ModelConversion(model: model.summary, plan: quantization)
            .convert(statistics, provenance: provenance, name: name)
    }

    /// Samples in a batch when the user does not say: enough for moving averages and for the speed of matrix products.
    private static let defaultBatchSize = 8

    /// A model whose batch extent is fixed takes exactly that many samples at a time.
    static func batchSize(_ wanted: Int?, for graph: Graph) throws -> Int {
        let signatures = InputSignature.signatures(of: graph.inputs)
        let batchSize = wanted ?? signatures.lazy.compactMap(\.batchExtent).first ?? defaultBatchSize
        for (signature, input) in zip(signatures, graph.inputs) {
            guard let extent = signature.batchExtent, extent != batchSize else { continue }
            throw CommandFailure(
                .usage,
                "The model's input '\(input.name)' is \(input.type): its batch extent is fixed, so --batch-size must be "
                    + "\(extent), not \(batchSize)")
        }
        return batchSize
    }
}
