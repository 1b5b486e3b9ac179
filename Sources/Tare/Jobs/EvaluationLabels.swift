import Datasets
import Foundation

/// The right classes of samples: an array that lies beside them, or a file of their own.
struct EvaluationLabels {
    private let labels: [Int]
    private let source: String

    /// Reads all labels.
    ///
    /// - Parameters:
    ///   - source: A file (.npy, .npz with one array, IDX), or the name of an array in the .npz files of the data.
    ///   - paths: The data.
    /// - Throws: `DatasetError`, `CommandFailure` when there is neither.
    init(_ source: String, paths: [String]) throws {
        self.source = source
        if FileManager.default.fileExists(atPath: source) {
            labels = try Labels.read(path: InputPath.existingFile(source, what: "The labels file"))
        } else {
            guard paths.allSatisfy({ $0.lowercased().hasSuffix(".npz") }) else {
                throw CommandFailure(
                    .noInput,
                    "--labels '\(source)' is no file, and only .npz data can hold an array of this name; name a file")
            }
            labels = try paths.flatMap { try Labels.read(path: $0, array: source) }
        }
    }

    /// The labels of the samples in use.
    func of(_ samples: DatasetSource) throws -> [Int] {
        guard labels.count == samples.availableCount else {
            throw CommandFailure(
                .badData,
                "--labels '\(source)' has \(labels.count) entries for \(samples.availableCount) samples of --data")
        }
        return (0..<samples.sampleCount).map { labels[samples.position(of: $0)] }
    }
}
