import Calibration
import Quantization

/// What `calibrate` and `quantize` say when they are done.
struct ConversionSummary {
    /// What was decided.
    let manifest: ResultManifest
    /// What was written.
    let files: OutputFiles

    /// Warnings go to standard error; the summary or, with `--json`, the manifest to standard output.
    func report(json: Bool) throws {
        for warning in manifest.warnings { StandardStreams.writeError("warning: \(warning)") }
        if json {
            StandardStreams.writeOutput(try JSONText.encode(manifest))
            return
        }
        StandardStreams.writeOutput(manifest.summary)
        StandardStreams.writeOutput("wrote \(files.model) and \(files.manifest)")
    }
}

extension ResultManifest {
    /// A few lines: what was quantized, how, and the digests.
    var summary: String {
        let quantized = nodes.count { $0.decision == "quantized" }
        let absorbed = nodes.count { $0.decision.hasPrefix("absorbed") }
        let floats = nodes.filter { $0.decision.hasPrefix("float") }
        let share = model.bytes > 0 ? 100 * output.bytes / model.bytes : 100
        var lines = [
            "\(model.name) -> \(output.name): \(model.bytes) -> \(output.bytes) bytes (\(share) %)",
            "activations \(Self.text(choices.activations)), weights \(Self.text(choices.weights)), "
                + "observer \(choices.observer)",
        ]
        if let data, let plan {
            let passes = histogramPlan == nil ? "" : ", in two passes"
            lines.append(
                "\(data.samples) samples in \(plan.shards) \(plan.shards == 1 ? "shard" : "shards")\(passes); \(activations.count) activations and "
                    + "\(weights.count) weights quantized")
            if !data.skipped.isEmpty { lines.append("\(data.skipped.count) broken samples were skipped") }
        } else {
            lines.append("\(activations.count) activations and \(weights.count) weights quantized")
        }
        lines.append("\(nodes.count) nodes: \(quantized) quantized, \(absorbed) absorbed, \(floats.count) in float")
        for node in floats.prefix(5) { lines.append("  \(node.name) (\(node.operator)): \(node.decision)") }
        if floats.count > 5 { lines.append("  and \(floats.count - 5) more, see the manifest") }
        if let evaluation { lines.append(EvaluationTable(evaluation).shortText) }
        lines.append("statistics sha256 \(statisticsSHA256)")
        lines.append("model      sha256 \(output.sha256)")
        return lines.joined(separator: "\n")
    }

    private static func text(_ scheme: QuantizationScheme) -> String {
        "\(scheme.type) \(scheme.isSymmetric ? "symmetric" : "asymmetric") \(scheme.granularity.rawValue)"
    }
}
