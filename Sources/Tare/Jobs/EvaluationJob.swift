import Calibration
import CoordinatorService
import Datasets
import Evaluation
import Execution
import Foundation
import ONNXFormat
import Tensors

/// An evaluation from the models and samples that the user named to the report, without the question who computes.
struct EvaluationJob {
    /// The quantized model: a file, or bytes that were just made.
    struct QuantizedModel {
        /// Name, digest and size, for the report.
        let summary: ResultManifest.File
        /// The files that workers need, the model first.
        let files: [JobSpecification.ModelFile]
        /// Their bytes.
        let blobs: [Blob]
        /// Where the files lie; empty for bytes that were just made.
        let paths: [String]
        /// What it holds.
        let delivered: DeliveredModel
    }

    /// The float model.
    private let float: SourceModel
    /// The quantized model.
    private let quantized: QuantizedModel
    /// The samples.
    let dataset: CalibrationDataset
    /// The right class of each sample; `nil` without labels.
    let labels: [Int]?
    /// The layers, and how the two models are compared.
    private let pair: ModelPair
    /// How the samples are cut into batches and shards, and with its specification what decides the statistics.
    let plan: CalibrationPlan

    /// Matches the models, reads the data and checks everything that can be checked before anything is computed.
    ///
    /// - Parameters:
    ///   - float: The float model.
    ///   - quantized: The quantized model.
    ///   - data: The samples.
    ///   - labels: Array of the data, or file, with the right classes.
    ///   - plan: How the work is cut.
    /// - Throws: An error that names the model, the data or the labels that do not fit.
    init(
        float: SourceModel, quantized: QuantizedModel, data: DataOptions, labels: LabelSource?, plan: PlanOptions
    ) throws {
        self.float = float
        self.quantized = quantized
        pair = try ModelPair(imported: float.imported.graph, quantized: quantized.delivered)
        if labels != nil, pair.scores == nil { throw EvaluationReportError.noClassifier }
        let batchSize = try CalibrationJob.batchSize(plan.batchSize, for: float.imported.graph)
        let dataset = try CalibrationDataset(data, graph: pair.quantized, labels: labels)
        self.dataset = dataset
        self.labels = try labels.map { try EvaluationLabels($0, data: data, samples: dataset.source).selected }
        guard let dataDigest = ContentDigest(hexadecimal: dataset.summary.sha256) else {
            throw CommandFailure(.internalFault, "The digest of the data is malformed: \(dataset.summary.sha256)")
        }
        var options = dataset.options
        options.evaluation = EvaluationOptions(floatFileCount: float.files.count)
        let specification = try JobSpecification(
            model: EvaluationOptions.files(float: float.files, quantized: quantized.files), dataDigest: dataDigest,
            sampleCount: dataset.source.sampleCount, batchSize: batchSize, batchesPerShard: plan.shardBatches,
            observedTensors: pair.layers.map(\.value), collectsHistograms: false,
            options: try options.canonicalText(), requiredInstructionSet: InstructionSet.arithmetic)
        self.plan = try CalibrationPlan(specification)
    }

    /// The job as the coordinator serves it.
    func clusterJob(
        delivery: PlanOptions.DataDeliveryChoice, paths: [String]
    ) throws -> ClusterJob<EvaluationStatistics> {
        ClusterJob(
            specification: plan.specification,
            delivery: dataset.delivery(delivery, paths: paths), blobs: float.blobs + quantized.blobs,
            samples: dataset.isStreamed(delivery) ? StreamedSamples(source: dataset.source) : nil,
            reduction: try .evaluation(plan: plan))
    }

    /// The numbers.
    func report(_ statistics: EvaluationStatistics) throws -> ResultManifest.Evaluation {
        let provenance = EvaluationReport.Provenance(
            floatModel: float.summary, quantizedModel: quantized.summary, data: dataset.summary,
            plan: ResultManifest.Plan(plan), instructionSet: plan.specification.requiredInstructionSet)
        return try EvaluationReport(
            statistics, layers: pair.layers, unmatched: pair.unmatched, provenance: provenance, labels: labels
        ).document
    }
}

extension EvaluationJob.QuantizedModel {
    /// A model or state dictionary that the user named.
    init(path: String) throws {
        guard let format = try? StateFileFormat(path: path) else {
            let model = try SourceModel(anyModel: path, what: "The quantized model")
            self.init(
                summary: model.summary, files: model.files, blobs: model.blobs, paths: model.paths,
                delivered: .graph(model.imported.graph))
            return
        }
        let path = try InputPath.existingFile(path, what: "The state dictionary")
        let source = try SourceFiles(path: path)
        self.init(
            summary: source.summary, files: source.files, blobs: source.blobs, paths: source.paths,
            delivered: .state(try StateDictionary(path: path, format: format)))
    }

    /// A model that was just made.
    init(_ output: ModelConversion.Output) throws {
        try self.init(output.manifest.output, bytes: output.modelBytes)
    }

    /// A model in memory.
    init(_ summary: ResultManifest.File, bytes: [UInt8]) throws {
        let blob = Blob(bytes)
        self.init(
            summary: summary,
            files: [JobSpecification.ModelFile(path: summary.name, digest: blob.digest, byteCount: bytes.count)],
            blobs: [blob], paths: [],
            delivered: .graph(
                try ONNXModel.load(from: Data(bytes), baseDirectory: nil, source: "'\(summary.name)'").graph))
    }
}
