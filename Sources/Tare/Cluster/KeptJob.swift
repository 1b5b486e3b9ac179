import Calibration
import Conversion
import CoordinatorService
import CoordinatorStore
import Datasets
import Foundation
import Graphs
import ONNXFormat
import Tensors

/// What the coordinator keeps of a submitted job beside its plan, in its state directory.
struct KeptJob: Codable {
    /// The command line.
    let words: [String]
    /// Where the data lie, links followed.
    let dataPaths: [String]
    /// The float model, for the manifest.
    let model: ResultManifest.File
    /// The data, for the manifest.
    var data: ResultManifest.DataSummary
    /// What the data's files were like when they were opened, to be hashed.
    let stamps: [FileStamp]
    /// The names of the arrays that are read of the data; `nil` for all, as of a job of an earlier version.
    let arrays: [String]?
    /// Whether the coordinator sends the samples; `nil` when only the command line says, as of an earlier version.
    let isStreamed: Bool?
    /// What is evaluated; `nil` for a calibration.
    var evaluation: KeptEvaluation?
    /// The first pass, when this is the second one of a calibration.
    var firstPass: KeptFirstPass?

    /// Notes a job.
    ///
    /// - Parameters:
    ///   - words: The command line.
    ///   - dataPaths: Where the data lie, links followed.
    ///   - dataset: The data.
    ///   - model: The float model.
    /// - Throws: What is wrong with the command line.
    init(words: [String], dataPaths: [String], dataset: CalibrationDataset, model: ResultManifest.File) throws {
        self.words = words
        self.dataPaths = dataPaths
        self.model = model
        data = dataset.summary
        stamps = dataset.source.fileStamps
        arrays = dataset.decoder.arrayNames
        isStreamed = dataset.isStreamed(try SubmittedJob.parsing(words).plan.dataDelivery)
    }

    /// The byte form: JSON with sorted keys.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }

    /// Converts the model with the statistics of the whole job; the first of two passes gives the statistics alone.
    func finish(
        _ statistics: CalibrationStatistics, _ findings: JobFindings, plan: CalibrationPlan, blobs: BlobStore
    ) throws -> [ResultContent] {
        let scheme = try SubmittedJob.parsing(words).scheme.resolved()
        let conversion = try ConversionPlan(Self.graph(plan.specification.model, blobs: blobs), scheme: scheme)
        guard firstPass != nil || conversion.histogramRules.isEmpty else {
            return [ResultContent(.statistics, bytes: try statistics.encoded())]
        }
        let data = data(without: findings)
        let provenance = ModelConversion.Provenance(
            data: data, plan: firstPass?.plan ?? ResultManifest.Plan(plan),
            histogramPlan: firstPass.map { _ in ResultManifest.Plan(plan) },
            instructionSet: plan.specification.requiredInstructionSet)
        let output = try ModelConversion(model: model, plan: conversion)
            .convert(statistics, provenance: provenance, name: outputName)
        let state = try output.state.map { ResultContent(.state, bytes: try $0.safetensors.encoded()) }
        return [
            ResultContent(.model, bytes: output.modelBytes), ResultContent(.manifest, bytes: output.manifestBytes),
            ResultContent(.statistics, bytes: try statistics.encoded()),
        ] + (state.map { [$0] } ?? [])
    }

    /// The data without the samples that were left out while the job ran.
    func data(without findings: JobFindings) -> ResultManifest.DataSummary {
        var data = data
        data.skipped += findings.skipped.map {
            ResultManifest.SkippedSample(sample: "sample \($0.sample)", reason: $0.reason)
        }
        return data
    }

    /// The name that the quantized model gets when nobody names it.
    private var outputName: String {
        (model.name.hasSuffix(".onnx") ? String(model.name.dropLast(5)) : model.name) + ".int8.onnx"
    }

    private static func copy(_ digest: ContentDigest, of blobs: BlobStore, to url: URL) throws {
        let blob = try blobs.open(digest)
        try AtomicFile.write(to: url.path) { (writer) throws(TensorFileError) in
            for offset in stride(from: 0, to: blob.byteCount, by: 1 << 20) {
                try writer.append(blob.piece(at: offset, of: url.path))
            }
        }
    }

    /// Reads the model out of the blob store; external data have to lie beside it under their names for that.
    static func graph(_ files: [JobSpecification.ModelFile], blobs: BlobStore) throws -> Graph {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tare-model-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for file in files {
            let url = folder.appending(path: file.path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try copy(file.digest, of: blobs, to: url)
        }
        return try ONNXModel.load(from: folder.appending(path: files[0].path)).graph
    }
}

extension StoredBlob {
    /// A mebibyte of the blob, or what is left of it.
    fileprivate func piece(at offset: Int, of path: String) throws(TensorFileError) -> [UInt8] {
        do {
            return try read(at: offset, count: min(1 << 20, byteCount - offset))
        } catch {
            throw TensorFileError(path: path, reason: .malformed(error.description))
        }
    }
}
