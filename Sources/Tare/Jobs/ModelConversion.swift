import Calibration
import Conversion
import ONNXFormat
import Quantization

/// Statistics become scales, and the graph becomes integers: the last stage of every calibration.
struct ModelConversion {
    /// Name, digest and size of the float model.
    let model: ResultManifest.File
    /// What is quantized.
    let plan: QuantizationPlan
    /// How ranges follow from statistics.
    let method: CalibrationMethod

    /// Where the numbers came from, for the manifest.
    struct Provenance {
        var data: ResultManifest.DataSummary?
        var plan: ResultManifest.Plan?
        var instructionSet: String?
    }

    /// A quantized model and what is said about it.
    struct Output {
        /// The manifest.
        var manifest: ResultManifest
        /// The ONNX file.
        var modelBytes: [UInt8]
        /// The manifest as JSON.
        var manifestBytes: [UInt8]

        /// The same with what quantization cost in the manifest.
        func evaluated(_ evaluation: ResultManifest.Evaluation) throws -> Output {
            var output = self
            output.manifest.evaluation = evaluation
            output.manifestBytes = try output.manifest.jsonBytes()
            return output
        }
    }

    /// Converts.
    ///
    /// - Parameters:
    ///   - statistics: The statistics of the whole job.
    ///   - provenance: Where they came from.
    ///   - name: Name of the quantized model's file, for the manifest.
    /// - Returns: The model and its manifest.
    /// - Throws: An error that names the tensor or node that cannot be quantized.
    func convert(
        _ statistics: CalibrationStatistics, provenance: Provenance, name: String
    ) throws -> Output {
        let scales = try ActivationScales(plan: plan, statistics: statistics, method: method)
        let converted = try plan.quantize(scales.parameters)
        let bytes = Array(
            try ONNXModel.serialize(converted.graph, options: ONNXExportOptions(producerVersion: Version.text)))
        let manifest = ResultManifest(
            version: Version.text, model: model,
            output: ResultManifest.File(name: name, sha256: ContentDigest(of: bytes).hexadecimal, bytes: bytes.count),
            data: provenance.data, plan: provenance.plan,
            statisticsSHA256: ContentDigest(of: try statistics.encoded()).hexadecimal,
            instructionSet: provenance.instructionSet, options: plan.options, method: method, scales: scales,
            statistics: statistics, report: converted.report)
        return Output(manifest: manifest, modelBytes: bytes, manifestBytes: try manifest.jsonBytes())
    }
}
