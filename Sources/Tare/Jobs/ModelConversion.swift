import Calibration
import Conversion
import Graphs
import ONNXFormat
import Quantization
import Tensors

/// Statistics become scales, and the graph becomes integers: the last stage of every calibration.
struct ModelConversion {
    /// Name, digest and size of the float model.
    let model: ResultManifest.File
    /// What is quantized, and how.
    let plan: ConversionPlan

    /// Where the numbers came from, for the manifest.
    struct Provenance {
        var data: ResultManifest.DataSummary?
        var plan: ResultManifest.Plan?
        var histogramPlan: ResultManifest.Plan?
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
        /// The quantized state dictionary, when the plan is for the simulated device.
        var state: StateDictionary?

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
        switch plan {
        case .standard(let plan, let method):
            let scales = try ActivationScales(plan: plan, statistics: statistics, method: method)
            let converted = try plan.quantize(scales.parameters)
            return try output(
                converted.graph, statistics, provenance, name: name, options: plan.options, method: method,
                scales: scales, report: converted.report)
        case .device(let conversion, _, let options):
            let quantized = try conversion.quantized(observers: conversion.observers(from: statistics.tensors))
            let parameters = quantized.report.activations.map { ($0.name, $0.parameters) }
            let scales = ActivationScales(
                parameters: Dictionary(uniqueKeysWithValues: parameters), ranges: quantized.ranges)
            let state = ContentDigest(of: try quantized.state.safetensors.encoded()).hexadecimal
            var output = try output(
                quantized.lowered, statistics, provenance, name: name, options: options, method: .minmax,
                scales: scales, report: quantized.report
            ) { manifest in
                manifest.mlu = ResultManifest.DeviceModules(
                    specification: conversion.specification,
                    modules: conversion.modules.map(ResultManifest.DeviceModule.init), stateSHA256: state)
                manifest.warnings += quantized.warnings.map(\.description)
            }
            output.state = quantized.state
            return output
        }
    }

    private func output(
        _ graph: Graph, _ statistics: CalibrationStatistics, _ provenance: Provenance, name: String,
        options: QuantizationOptions, method: CalibrationMethod, scales: ActivationScales, report: ConversionReport,
        adding add: (inout ResultManifest) -> Void = { _ in }
    ) throws -> Output {
        let bytes = Array(
            try ONNXModel.serialize(graph, options: ONNXExportOptions(producerVersion: Version.text)))
        var manifest = ResultManifest(
            version: Version.text, model: model,
            output: ResultManifest.File(name: name, sha256: ContentDigest(of: bytes).hexadecimal, bytes: bytes.count),
            data: provenance.data, plan: provenance.plan,
            statisticsSHA256: ContentDigest(of: try statistics.encoded()).hexadecimal,
            instructionSet: provenance.instructionSet, options: options, method: method, scales: scales,
            statistics: statistics, report: report)
        manifest.histogramPlan = provenance.histogramPlan
        add(&manifest)
        return Output(manifest: manifest, modelBytes: bytes, manifestBytes: try manifest.jsonBytes())
    }
}
