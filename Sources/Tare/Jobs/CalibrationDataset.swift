import Calibration
import Datasets
import Foundation
import Graphs
import Synchronization

/// The calibration samples of a job: opened, checked against the model, hashed.
struct CalibrationDataset {
    /// The samples in use.
    let source: DatasetSource
    /// Makes model inputs of samples.
    let decoder: SampleDecoder
    /// What the worker needs to make the same inputs of the same samples.
    let options: ComputationOptions
    /// For the result manifest.
    let summary: ResultManifest.DataSummary

    /// Opens the data.
    ///
    /// - Parameters:
    ///   - flags: Where they are.
    ///   - graph: The model that reads them.
    ///   - labels: Where the right classes are; an array of them is none of the model's.
    /// - Throws: `DatasetError`, `CommandFailure` when a path does not exist or nothing is left.
    init(_ flags: DataOptions, graph: Graph, labels: LabelSource? = nil) throws {
        try labels?.check(suits: flags)
        let preprocessing = try flags.preprocess.map {
            try Preprocessing(path: InputPath.existingFile($0, what: "The preprocessing file"))
        }
        decoder = try SampleDecoder(inputs: InputSignature.signatures(of: graph.inputs), preprocessing: preprocessing)
        let whole = try Self.opened(flags, arrays: decoder.arrayNames, labels: labels)
        for content in whole.contents { try decoder.check(content) }
        // Of 'json:label' the archive has 'json'.
        let label = labels?.array?.prefix { $0 != ":" }
        for name in whole.ignoredArrays where labels?.array != name && label ?? "" != name {
            StandardStreams.writeError("note: array '\(name)' is no input of the model and is not read")
        }
        let broken = flags.onBadSample == .skip ? try Self.brokenSamples(whole, decoder: decoder) : []
        guard broken.count < whole.sampleCount else {
            throw CommandFailure(.badData, "All \(broken.count) samples are broken; the first: \(broken[0].reason)")
        }
        source = whole.excluding(broken.map(\.position))
        options = ComputationOptions(
            preprocessing: preprocessing?.yaml, headerless: try flags.headerless?.text, sampleLimit: flags.samples,
            seed: flags.seed,
            excludedSamples: broken.map(\.position))
        let progress = Mutex(ProgressLine(title: "hashing the data", unit: "MB"))
        let manifest = try source.manifest { done, total in
            progress.withLock { $0.update(done: done / 1_000_000, total: total / 1_000_000) }
        }
        progress.withLock { $0.finish() }
        summary = ResultManifest.DataSummary(
            sha256: manifest.digest, samples: source.sampleCount,
            files: manifest.files.map {
                ResultManifest.DataFile(
                    path: $0.path, sha256: $0.sha256, bytes: $0.byteCount, samples: $0.sampleCount)
            },
            skipped: broken.map { ResultManifest.SkippedSample(sample: $0.name, reason: $0.reason) })
    }

    /// Opens the files, or runs the command and keeps what it writes.
    private static func opened(
        _ flags: DataOptions, arrays: [String], labels: LabelSource?
    ) throws -> DatasetSource {
        let selection = SampleSelection(limit: flags.samples, seed: flags.seed)
        var progress = SpoolingProgress(isOfCommand: flags.command != nil)
        defer { progress.finish() }
        guard let text = flags.command else {
            let paths = try flags.paths.map { try InputPath.existing($0, what: "The data path") }
            return try DatasetSource(
                paths: paths, arrays: arrays, headerless: flags.headerless, selection: selection,
                spoolLimit: flags.spoolByteLimit, progress: { progress.update($0) })
        }
        return try DataCommand.reading(text) { command in
            try DatasetSource(
                frames: command.name,
                arrays: arrays + [labels?.array].compactMap(\.self).filter { !arrays.contains($0) },
                isBatched: flags.frames == .batch, selection: selection, spoolLimit: flags.spoolByteLimit,
                progress: { progress.update($0) }, read: command.read)
        }
    }

    /// Whether the coordinator sends the samples: when it was asked to, and when they are in temporary files that
    /// no other process can read.
    func isStreamed(_ choice: PlanOptions.DataDeliveryChoice) -> Bool { choice == .stream || source.isSpooled }

    /// How workers get the samples.
    func delivery(_ choice: PlanOptions.DataDeliveryChoice, paths: [String]) -> DataDelivery {
        isStreamed(choice) ? .stream : .shared(paths: paths.map { URL(filePath: $0).path })
    }

    private struct BrokenSample {
        var position: Int
        var name: String
        var reason: String
    }

    /// Decodes every sample once, so that which ones are left out is known before the work is cut into shards.
    private static func brokenSamples(_ source: DatasetSource, decoder: SampleDecoder) throws -> [BrokenSample] {
        var broken: [BrokenSample] = []
        var progress = ProgressLine(title: "checking", unit: "samples")
        for position in 0..<source.sampleCount {
            do throws(DatasetError) {
                try decoder.decode(try source.readRaw(position)).requireFinite()
            } catch {
                guard error.concernsOneSample else { throw error }
                let name = source.name(of: position)
                StandardStreams.writeError("warning: skipped: \(error)")
                broken.append(BrokenSample(position: position, name: name, reason: error.description))
            }
            progress.update(done: position + 1, total: source.sampleCount)
        }
        progress.finish()
        return broken
    }
}
