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
    init(scores: Tensor, labels: Tensor, name: String) throws {
        guard scores.elementType == .float32, let rows = scores.shape.dimensions.first, rows > 0 else {
            throw CommandFailure(
                .badData, "--labels: the model's output is \(scores.elementType)\(scores.shape), not float32 scores")
        }
        guard labels.shape.elementCount == rows else {
            throw CommandFailure(
                .badData, "--labels: array '\(name)' has \(labels.shape.elementCount) entries for \(rows) samples")
        }
        let wanted = try Self.integers(labels, name: name)
        let classes = scores.elementCount / rows
        correct = scores.withElements(as: Float.self) { values in
            var count = 0
            for row in 0..<rows {
                var best = 0
                for index in 1..<max(classes, 1) where values[row * classes + index] > values[row * classes + best] {
                    best = index
                }
                if best == wanted[row] { count += 1 }
            }
            return count
        }
        samples = rows
    }

    private static func integers(_ tensor: Tensor, name: String) throws -> [Int] {
        switch tensor.elementType {
        case .int64: tensor.elements(as: Int64.self).map { Int($0) }
        case .int32: tensor.elements(as: Int32.self).map { Int($0) }
        case .uint8: tensor.elements(as: UInt8.self).map { Int($0) }
        default:
            throw CommandFailure(
                .badData, "--labels: array '\(name)' is \(tensor.elementType); use int64, int32 or uint8")
        }
    }
}
