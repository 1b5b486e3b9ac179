import ArgumentParser
import Calibration
import Foundation

/// An evaluation as text: one line for each layer, then the classes.
struct EvaluationTable {
    /// In which order layers are listed.
    enum Order: String, ExpressibleByArgument, CaseIterable {
        case graph
        case worst
    }

    private let evaluation: ResultManifest.Evaluation
    private let order: Order

    /// Takes a report.
    init(_ evaluation: ResultManifest.Evaluation, order: Order = .graph) {
        self.evaluation = evaluation
        self.order = order
    }

    /// The lines.
    var text: String {
        var table = TextTable([
            "layer", "own SQNR", "own cosine", "own max", "SQNR", "cosine", "max", "inherited", "clamped", "",
        ])
        let worst = ranking.first
        for index in order == .worst ? ranking : Array(evaluation.layers.indices) {
            let layer = evaluation.layers[index]
            let name = "\(layer.node.isEmpty ? layer.value : layer.node) (\(layer.operator))"
            let mark = [
                layer.isOutput ? "output" : nil, index == worst ? "worst" : nil,
                Self.notFinite(layer.own, layer.total),
            ].compactMap { $0 }
            table.append(
                [name] + Self.cells(layer.own) + Self.cells(layer.total) + [
                    Self.percent(layer.inheritedShare), Self.percent(layer.saturatedShare),
                    mark.joined(separator: ", "),
                ])
        }
        var lines = [
            "\(evaluation.floatModel.name) against \(evaluation.quantizedModel.name): \(evaluation.samples) samples"
        ]
        lines += table.lines
        lines += unmatched
        if let classification = evaluation.classification { lines += Self.lines(classification, evaluation.samples) }
        lines.append("statistics sha256 \(evaluation.statisticsSHA256)")
        return lines.joined(separator: "\n")
    }

    /// One line for each output of the model, and the classes; for a summary.
    var shortText: String {
        var lines: [String] = []
        for layer in evaluation.layers where layer.isOutput {
            let cells = Self.cells(layer.total)
            lines.append(
                "evaluated on \(evaluation.samples) samples: '\(layer.value)' SQNR \(cells[0]), cosine \(cells[1]), "
                    + "largest error \(cells[2])" + Self.suffix(layer.total))
        }
        if let index = ranking.first {
            let layer = evaluation.layers[index]
            lines.append(
                "worst layer by itself: '\(layer.value)' with \(Self.cells(layer.own)[0])" + Self.suffix(layer.own))
        }
        if let classification = evaluation.classification { lines += Self.lines(classification, evaluation.samples) }
        return lines.joined(separator: "\n")
    }

    /// The layers, those without a finite number first, then the smallest own ratio; of equal ones the first of the graph.
    private var ranking: [Int] {
        func ratio(_ index: Int) -> (Int, Double, Int) {
            let own = evaluation.layers[index].own
            let decibels = own.sqnrDecibels ?? (own.maximumError == 0 ? .infinity : -.infinity)
            return (own.elements == 0 ? 0 : 1, decibels, index)
        }
        return evaluation.layers.indices.sorted { ratio($0) < ratio($1) }
    }

    /// How many values have no counterpart, and the first of them.
    private var unmatched: [String] {
        guard !evaluation.unmatched.isEmpty else { return [] }
        let shown = evaluation.unmatched.prefix(5).map { "'\($0.value)' (\($0.operator))" }.joined(separator: ", ")
        let rest = evaluation.unmatched.count - 5
        return [
            "\(evaluation.unmatched.count) values without a counterpart: \(shown)"
                + (rest > 0 ? " and \(rest) more, see --json" : "")
        ]
    }

    private static func lines(_ classification: ResultManifest.Evaluation.Classification, _ samples: Int) -> [String] {
        func share(_ count: Int) -> String {
            String(format: "%.2f %% (%d/%d)", 100 * Double(count) / Double(max(samples, 1)), count, samples)
        }
        var lines = ["same class: \(share(classification.agreeing))"]
        if let count = classification.withoutClass {
            lines.append("no class: \(share(count)), where a score is not a number")
        }
        if let float = classification.floatCorrect, let quantized = classification.quantizedCorrect {
            lines.append("top-1: float \(share(float)), quantized \(share(quantized))")
        }
        return lines
    }

    /// Three cells: decibels, cosine, largest error; `-` where there is none.
    static func cells(_ errors: ResultManifest.Evaluation.Errors) -> [String] {
        guard errors.elements > 0 else { return ["-", "-", "-"] }
        let hasNoError = errors.maximumError == 0
        return [
            errors.isExact ? "exact" : errors.sqnrDecibels.map { String(format: "%.2f dB", $0) } ?? "-",
            errors.cosine.map { String(format: "%.6f", $0) } ?? "-",
            hasNoError ? "0" : String(format: "%.4g", errors.maximumError),
        ]
    }

    /// How many elements are not finite, when there are any.
    static func notFinite(_ errors: ResultManifest.Evaluation.Errors...) -> String? {
        errors.compactMap(\.notFinite).max().map { "\($0) not finite" }
    }

    private static func suffix(_ errors: ResultManifest.Evaluation.Errors) -> String {
        notFinite(errors).map { ", \($0)" } ?? ""
    }

    static func percent(_ share: Double?) -> String {
        share.map { String(format: "%.2f %%", 100 * $0) } ?? "-"
    }
}
