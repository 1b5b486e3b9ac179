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
        _ statistics: CalibrationStatistics, provenance: Provenance, to output: String
    ) throws -> Written {
        let scales = try ActivationScales(plan: plan, statistics: statistics, method: method)
        let converted = try plan.quantize(scales.parameters)
        let bytes = Array(
            try ONNXModel.serialize(converted.graph, options: ONNXExportOptions(producerVersion: Version.text)))
        let manifest = ResultManifest(
            version: Version.text, model: model.file,
            output: ResultManifest.File(
                name: URL(filePath: output).lastPathComponent, sha256: ContentDigest(of: bytes).hexadecimal,
                bytes: bytes.count),
            data: provenance.data, plan: provenance.plan,
            statisticsSHA256: ContentDigest(of: try statistics.encoded()).hexadecimal,
            instructionSet: provenance.instructionSet, options: plan.options, method: method, scales: scales,
            statistics: statistics, report: converted.report)
        let manifestPath = Self.manifestPath(for: output)
        // The manifest first: a model without its manifest could not be told from an older one.
        try AtomicFile.write(try manifest.jsonBytes(), to: manifestPath)
        do {
            try AtomicFile.write(bytes, to: output)
        } catch {
            try? FileManager.default.removeItem(atPath: manifestPath)
            throw error
        }
        return Written(manifest: manifest, modelPath: output, manifestPath: manifestPath)
    }

    /// `model.int8.onnx` has `model.int8.manifest.json`.
    static func manifestPath(for output: String) -> String {
        (output.hasSuffix(".onnx") ? String(output.dropLast(5)) : output) + ".manifest.json"
    }
}
