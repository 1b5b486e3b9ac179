import Calibration
import ControlAPI
import Conversion
import CoordinatorService
import CoordinatorStore
import Datasets
import Foundation
import ONNXFormat

/// Makes the daemon's jobs of the command lines that clients submit.
///
/// A prepared job holds no model: the graph is read again from the blob store when the statistics are there, so that many
/// jobs can wait in little memory, and a restarted coordinator goes the same way as one that was never stopped.
struct CalibrationJobFactory: JobFactory {
    /// What clients may have read.
    let roots: DataRoots

    func prepare(_ words: [String], blobs: BlobStore) throws -> PreparedJob<CalibrationStatistics> {
        do {
            return try prepareUnlabelled(words, blobs: blobs)
        } catch let error as StateStoreError {
            throw error
        } catch {
            // The command ends as it would have ended here.
            throw ControlError(ControlError.Code(FailureReport.status(of: error)), "\(error)")
        }
    }

    private func prepareUnlabelled(
        _ words: [String], blobs: BlobStore
    ) throws -> PreparedJob<CalibrationStatistics> {
        let submitted = try SubmittedJob.parsing(words)
        let model = try roots.check(submitted.model, what: "The model")
        var data = submitted.data
        data.paths = try data.paths.map { try roots.check($0, what: "The data path") }
        data.preprocess = try data.preprocess.map { try roots.check($0, what: "The preprocessing file") }
        let job = try CalibrationJob(model: model, data: data, scheme: submitted.scheme, plan: submitted.plan)
        for (path, file) in zip(job.model.paths, job.model.files) {
            _ = try blobs.ingest(file: path, expecting: file.digest)
        }
        let kept = KeptJob(
            words: words, dataPaths: data.paths, model: job.model.summary, data: job.dataset.summary,
            stamps: job.dataset.source.fileStamps)
        return try prepared(kept, plan: job.plan, blobs: blobs, samples: { job.streamedSamples })
    }

    func restore(
        _ document: [UInt8], plan: CalibrationPlan, blobs: BlobStore
    ) throws -> PreparedJob<CalibrationStatistics> {
        let kept = try JSONDecoder().decode(KeptJob.self, from: Data(document))
        return try prepared(kept, plan: plan, blobs: blobs) {
            for stamp in kept.stamps { try stamp.check() }
            let options = try ComputationOptions(text: plan.specification.options)
            return StreamedSamples(
                source: try DatasetSource(
                    paths: kept.dataPaths, arrays: nil,
                    selection: SampleSelection(limit: options.sampleLimit, seed: options.seed)
                ).excluding(options.excludedSamples))
        }
    }

    private func prepared(
        _ kept: KeptJob, plan: CalibrationPlan, blobs: BlobStore, samples: () throws -> any SampleByteSource
    ) throws -> PreparedJob<CalibrationStatistics> {
        let submitted = try SubmittedJob.parsing(kept.words)
        let isStreamed = submitted.plan.dataDelivery == .stream
        return PreparedJob(
            name: submitted.name ?? kept.model.name, policy: submitted.policy.jobPolicy, plan: plan,
            delivery: isStreamed ? .stream : .shared(paths: kept.dataPaths),
            blobs: plan.specification.model.map(\.digest), samples: isStreamed ? try samples() : nil,
            reduction: .calibration(modelDigest: plan.specification.modelDigest.hexadecimal, plan: plan),
            finish: { statistics, findings in try kept.finish(statistics, findings, plan: plan, blobs: blobs) },
            document: try kept.encoded())
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
