import Calibration
import ControlAPI
import Conversion
import CoordinatorService
import CoordinatorStore
import Datasets
import Evaluation
import Foundation
import ONNXFormat

/// Makes the daemon's jobs of the command lines that clients submit.
///
/// A prepared job holds no model: the graph is read again from the blob store when the statistics are there, so that many
/// jobs can wait in little memory, and a restarted coordinator goes the same way as one that was never stopped.
struct CalibrationJobFactory: JobFactory {
    /// What clients may have read.
    let roots: DataRoots

    func prepare(_ words: [String], blobs: BlobStore) throws -> PreparedJob<JobStatistics> {
        do {
            let submitted = try SubmittedJob.parsing(words)
            try submitted.scheme.check(evaluates: submitted.evaluation.count != nil)
            try submitted.scheme.checkWithoutFiles()
            let model = try roots.check(submitted.model, what: "The model")
            var data = submitted.data
            // Also those of the evaluation that follows, so that it is refused before anything is computed.
            let evaluated = try submitted.evaluation.paths.map { try roots.check($0, what: "The evaluation data path") }
            data.paths = try data.paths.map { try roots.check($0, what: "The data path") }
            data.preprocess = try data.preprocess.map { try roots.check($0, what: "The preprocessing file") }
            var labels = submitted.evaluation.labels.map(LabelSource.init(submitted:))
            labels = try labels?.replacing { try roots.check($0, what: "The labels file") }
            guard let manifest = submitted.evaluatedManifest else {
                return try prepareCalibration(words, submitted, model: model, data: data, blobs: blobs)
            }
            var evaluation = submitted.evaluation
            evaluation.paths = evaluated
            return try prepareEvaluation(
                words, submitted, of: manifest, model: model, data: evaluation.data(data), labels: labels, blobs: blobs)
        } catch let error as StateStoreError {
            throw error
        } catch {
            // The command ends as it would have ended here.
            throw ControlError(ControlError.Code(FailureReport.status(of: error)), "\(error)")
        }
    }

    private func prepareCalibration(
        _ words: [String], _ submitted: SubmittedJob, model: String, data: DataOptions, blobs: BlobStore
    ) throws -> PreparedJob<JobStatistics> {
        let job = try CalibrationJob(model: model, data: data, scheme: submitted.scheme, plan: submitted.plan)
        try Self.ingest(job.model, into: blobs)
        var kept = try KeptJob(
            words: words, dataPaths: data.paths, dataset: job.dataset, model: job.model.summary)
        guard let firstPass = submitted.firstPass else {
            return try prepared(kept, plan: job.plan, blobs: blobs, samples: { job.streamedSamples })
        }
        guard let digest = ContentDigest(hexadecimal: firstPass) else {
            throw CommandFailure(.usage, "--first-pass is a SHA-256, not '\(firstPass)'")
        }
        let skipped = submitted.firstPassSkipped.sorted { $0.sample < $1.sample }
        let statistics = try CalibrationStatistics(
            decoding: blobs.bytes(digest), name: "the statistics of the first pass")
        guard statistics.planDigest == job.plan.digest.hexadecimal else {
            throw CommandFailure(
                .badData,
                "The model or the data are not any more those of the first pass over '\(model)'; submit the job again")
        }
        guard let second = try HistogramJob(after: job, statistics, excludedSamples: skipped.map(\.sample)) else {
            throw CommandFailure(.usage, "--first-pass belongs to methods that need two passes")
        }
        kept.firstPass = KeptFirstPass(statistics: digest, plan: ResultManifest.Plan(job.plan))
        kept.data.skipped += skipped.map { .init(sample: "sample \($0.sample)", reason: $0.reason) }
        return try prepared(kept, plan: second.plan, blobs: blobs, samples: { job.streamedSamples })
    }

    /// An evaluation of what an earlier job made.
    private func prepareEvaluation(
        _ words: [String], _ submitted: SubmittedJob, of manifest: String, model path: String, data: DataOptions,
        labels: LabelSource?, blobs: BlobStore
    ) throws -> PreparedJob<JobStatistics> {
        guard let digest = ContentDigest(hexadecimal: manifest) else {
            throw CommandFailure(.usage, "--evaluated-manifest is a SHA-256, not '\(manifest)'")
        }
        let manifest = try ResultManifest(jsonBytes: blobs.bytes(digest))
        let model = try SourceModel(path: path)
        guard model.digest.hexadecimal == manifest.model.sha256 else {
            throw CommandFailure(
                .badData, "The model '\(path)' is not any more the one that was quantized; submit the job again")
        }
        guard let quantized = ContentDigest(hexadecimal: manifest.output.sha256) else {
            throw CommandFailure(.internalFault, "The manifest names no quantized model")
        }
        let job = try EvaluationJob(
            float: model,
            quantized: EvaluationJob.QuantizedModel(manifest.output, bytes: blobs.bytes(quantized)), data: data,
            labels: labels, plan: submitted.plan)
        try Self.ingest(model, into: blobs)
        var kept = try KeptJob(
            words: words, dataPaths: data.paths, dataset: job.dataset, model: model.summary)
        kept.evaluation = KeptEvaluation(manifest: digest, labels: job.labels)
        return try prepared(
            kept, plan: job.plan, blobs: blobs, samples: { StreamedSamples(source: job.dataset.source) })
    }

    private static func ingest(_ model: SourceModel, into blobs: BlobStore) throws {
        for (path, file) in zip(model.paths, model.files) { _ = try blobs.ingest(file: path, expecting: file.digest) }
    }

    func restore(
        _ document: [UInt8], plan: CalibrationPlan, blobs: BlobStore
    ) throws -> PreparedJob<JobStatistics> {
        let kept = try JSONDecoder().decode(KeptJob.self, from: Data(document))
        return try prepared(kept, plan: plan, blobs: blobs) {
            for stamp in kept.stamps { try stamp.check() }
            let options = try ComputationOptions(text: plan.specification.options)
            return StreamedSamples(
                source: try DatasetSource(
                    paths: kept.dataPaths, arrays: kept.arrays,
                    headerless: options.headerless.map(HeaderlessFormat.init(text:)),
                    selection: SampleSelection(limit: options.sampleLimit, seed: options.seed),
                    spoolLimit: SubmittedJob.parsing(kept.words).data.spoolByteLimit
                ).excluding(options.excludedSamples))
        }
    }

    /// The second pass that a calibration asks for, and then the evaluation.
    func followUp(
        _ document: [UInt8], job: UInt64, results: [ResultContent.Name: ContentDigest], skipped: [PoisonedSample]
    ) throws -> JobFollowUp? {
        let kept = try JSONDecoder().decode(KeptJob.self, from: Data(document))
        guard kept.evaluation == nil else { return nil }
        if let manifest = results[.manifest] {
            guard try SubmittedJob.parsing(kept.words).evaluation.count != nil else { return nil }
            return JobFollowUp(
                name: Self.evaluationName(of: job),
                words: kept.words + ["--evaluated-manifest=\(manifest.hexadecimal)"])
        }
        guard let statistics = results[.statistics] else { return nil }
        let samples = skipped.map { FirstPassSample(sample: $0.sample, reason: $0.reason) }
        return JobFollowUp(
            name: Self.histogramsName(of: job),
            words: kept.words + ["--first-pass=\(statistics.hexadecimal)"]
                + samples.map { "--first-pass-skipped=\($0.text)" })
    }

    /// What the second pass of a job is called.
    static func histogramsName(of job: UInt64) -> String { "histograms of job \(job)" }

    /// What the evaluation of a job is called.
    static func evaluationName(of job: UInt64) -> String { "evaluation of job \(job)" }

    private func prepared(
        _ kept: KeptJob, plan: CalibrationPlan, blobs: BlobStore, samples: () throws -> any SampleByteSource
    ) throws -> PreparedJob<JobStatistics> {
        let submitted = try SubmittedJob.parsing(kept.words)
        let isStreamed = kept.isStreamed ?? (submitted.plan.dataDelivery == .stream)
        var policy = submitted.policy.jobPolicy
        // A batch without a sample that the first pass had would have other extremes, and with them other bins.
        if kept.firstPass != nil { policy.skipsPoison = false }
        return PreparedJob(
            name: submitted.name ?? kept.model.name, policy: policy, plan: plan,
            delivery: isStreamed ? .stream : .shared(paths: kept.dataPaths),
            blobs: plan.specification.model.map(\.digest)
                + [kept.evaluation?.manifest, kept.firstPass?.statistics].compactMap { $0 },
            samples: isStreamed ? try samples() : nil, reduction: try reduction(kept, plan: plan),
            finish: { statistics, findings in
                if let evaluation = kept.evaluation {
                    return try kept.finish(
                        statistics.evaluated(), of: evaluation, findings, plan: plan, blobs: blobs)
                }
                if let first = kept.firstPass {
                    return try kept.finish(statistics.counted(), after: first, findings, plan: plan, blobs: blobs)
                }
                return try kept.finish(statistics.calibrated(), findings, plan: plan, blobs: blobs)
            },
            document: try kept.encoded())
    }

    private func reduction(_ kept: KeptJob, plan: CalibrationPlan) throws -> ShardReduction<JobStatistics> {
        if kept.evaluation != nil {
            return try ShardReduction<EvaluationStatistics>.evaluation(plan: plan)
                .asJobStatistics({ .evaluation($0) }, { try $0.evaluated() })
        }
        if kept.firstPass != nil {
            return try ShardReduction<HistogramCounts>.histograms(plan: plan)
                .asJobStatistics({ .histograms($0) }, { try $0.counted() })
        }
        return ShardReduction<CalibrationStatistics>.calibration(
            modelDigest: plan.specification.modelDigest.hexadecimal, plan: plan
        ).asJobStatistics({ .calibration($0) }, { try $0.calibrated() })
    }
}

extension ControlError.Code {
    /// The code whose exit status is this one, as far as there is one.
    fileprivate init(_ status: ExitStatus) {
        switch status {
        case .badData: self = .badData
        case .noInput: self = .missingFile
        case .refused: self = .refused
        case .inputOutput, .unreachable, .drained: self = .unavailable
        case .internalFault: self = .fault
        case .done, .usage, .configuration: self = .invalid
        }
    }
}
