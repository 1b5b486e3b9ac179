import Foundation
import Tensors

/// Share of samples whose largest score belongs to the right class.
struct Accuracy: Encodable {
    /// Samples whose prediction is right.
    let correct: Int
    /// All samples.
    let samples: Int

    /// For example `98.67 %`.
    var percentText: String {
        String(format: "%.2f %%", samples > 0 ? 100 * Double(correct) / Double(samples) : 0)
    }

    /// Compares scores [N, classes] with labels [N]; of equal scores the first counts.
    init(scores: Tensor, labels: [Int], name: String) throws {
        guard scores.elementType == .float32, let rows = scores.shape.dimensions.first, rows > 0 else {
            throw CommandFailure(
                .badData, "--labels: the model's output is \(scores.elementType)\(scores.shape), not float32 scores")
        }
        guard labels.count == rows else {
            throw CommandFailure(
                .badData, "--labels: array '\(name)' has \(labels.count) entries for \(rows) samples")
        }
        let classes = scores.elementCount / rows
        correct = scores.withElements(as: Float.self) { values in
            var count = 0
            for row in 0..<rows {
                var best = 0
                for index in 1..<max(classes, 1) where values[row * classes + index] > values[row * classes + best] {
                    best = index
                }
                if best == labels[row] { count += 1 }
            }
            return count
        }
        samples = rows
    }
}
