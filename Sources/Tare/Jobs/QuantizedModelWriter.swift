import Calibration
import Conversion
import Foundation
import Graphs
import ONNXFormat
import Quantization
import Tensors

/// The last stage of `calibrate` and `quantize`: statistics become scales, the graph becomes integers, and the model and its
/// manifest are written, both or neither.
struct QuantizedModelWriter {
    /// The float model.
    let model: SourceModel
    /// What is quantized.
    let plan: QuantizationPlan
    /// How ranges follow from statistics.
    let method: CalibrationMethod

    /// What was written.
    struct Written {
        /// The manifest.
        var manifest: ResultManifest
        /// Where the model lies.
        var modelPath: String
        /// Where the manifest lies.
        var manifestPath: String
    }

    /// Where the numbers came from, for the manifest.
    struct Provenance {
        var data: ResultManifest.DataSummary?
        var plan: ResultManifest.Plan?
        var instructionSet: String?
    }

    /// Converts and writes.
    func write(
        _ statistics: CalibrationStatistics, provenance: Provenance, to outputs: OutputFiles
    ) throws -> Written {
        let scales = try ActivationScales(plan: plan, statistics: statistics, method: method)
        let converted = try plan.quantize(scales.parameters)
        let bytes = Array(
            try ONNXModel.serialize(converted.graph, options: ONNXExportOptions(producerVersion: Version.text)))
        let manifest = ResultManifest(
            version: Version.text, model: model.summary,
            output: ResultManifest.File(
                name: URL(filePath: outputs.model).lastPathComponent, sha256: ContentDigest(of: bytes).hexadecimal,
                bytes: bytes.count),
            data: provenance.data, plan: provenance.plan,
            statisticsSHA256: ContentDigest(of: try statistics.encoded()).hexadecimal,
            instructionSet: provenance.instructionSet, options: plan.options, method: method, scales: scales,
            statistics: statistics, report: converted.report)
        let manifestBytes = try manifest.jsonBytes()
        try FolderLock.holding(folderOf: outputs.model) { () throws(TensorFileError) in
            // Both are on the disk before either takes its name, so a full disk leaves an earlier pair as it was.
            try AtomicFile.write(to: outputs.model) { (writer) throws(TensorFileError) in
                try writer.append(bytes)
                try AtomicFile.write(manifestBytes, to: outputs.manifest)
            }
        }
        return Written(manifest: manifest, modelPath: outputs.model, manifestPath: outputs.manifest)
    }
}
