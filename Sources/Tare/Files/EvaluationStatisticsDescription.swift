import Calibration
import Evaluation

/// What `tare inspect` says about saved statistics of an evaluation.
struct EvaluationStatisticsDescription: Encodable {
    /// One layer.
    struct Entry: Encodable {
        /// Name of the value in the float model.
        let name: String
        /// The quantized layer alone.
        let own: ResultManifest.Evaluation.Errors
        /// The quantized network.
        let total: ResultManifest.Evaluation.Errors
        /// Share of the quantized elements that are clamped; absent where nothing is quantized.
        let saturatedShare: Double?
    }

    /// Digest of the float model.
    let floatModelSHA256: String
    /// Digest of the quantized model.
    let quantizedModelSHA256: String
    /// Samples that were evaluated.
    let samples: Int
    /// All layers, by name.
    let layers: [Entry]

    init(_ statistics: EvaluationStatistics) {
        floatModelSHA256 = statistics.floatDigest
        quantizedModelSHA256 = statistics.quantizedDigest
        samples = statistics.predictions.count
        layers = statistics.layers.sorted { $0.key < $1.key }.map { name, layer in
            Entry(
                name: name, own: ResultManifest.Evaluation.Errors(layer.own),
                total: ResultManifest.Evaluation.Errors(layer.total), saturatedShare: layer.saturatedShare)
        }
    }

    /// A table with one line for each layer.
    var text: String {
        var table = TextTable([
            "layer", "own SQNR", "own cosine", "own max", "SQNR", "cosine", "max", "clamped", "",
        ])
        for layer in layers {
            table.append(
                [layer.name] + EvaluationTable.cells(layer.own) + EvaluationTable.cells(layer.total) + [
                    EvaluationTable.percent(layer.saturatedShare),
                    EvaluationTable.notFinite(layer.own, layer.total) ?? "",
                ])
        }
        return (["evaluation of \(samples) samples"] + table.lines).joined(separator: "\n")
    }
}
