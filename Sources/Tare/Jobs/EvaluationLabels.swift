import Datasets
import Foundation

/// Where the right classes are.
enum LabelSource {
    /// A file (.npy, .npz with one array, IDX).
    case file(String)
    /// An array in the .npz files of the data.
    case array(String)

    /// What a user of this machine means: a file when there is one of this name.
    init(named name: String) {
        self = FileManager.default.fileExists(atPath: name) ? .file(name) : .array(name)
    }

    /// What a client means who named files by whole paths.
    init(submitted name: String) {
        self = name.hasPrefix("/") ? .file(name) : .array(name)
    }

    /// The array of the data that has the labels; `nil` when a file has them.
    var array: String? {
        if case .array(let name) = self { name } else { nil }
    }
}

/// The right classes of samples: an array that lies beside them, or a file of their own.
struct EvaluationLabels {
    private let labels: [Int]
    private let source: String

    /// Reads all labels.
    ///
    /// - Parameters:
    ///   - source: The file or array.
    ///   - paths: The data.
    /// - Throws: `DatasetError`, `CommandFailure` when there is neither.
    init(_ source: LabelSource, paths: [String]) throws {
        switch source {
        case .file(let path):
            self.source = path
            labels = try Labels.read(path: InputPath.existingFile(path, what: "The labels file"))
        case .array(let name):
            self.source = name
            guard paths.allSatisfy({ $0.lowercased().hasSuffix(".npz") }) else {
                throw CommandFailure(
                    .noInput,
                    "--labels '\(name)' is no file, and only .npz data can hold an array of this name; name a file")
            }
            labels = try paths.flatMap { try Labels.read(path: $0, array: name) }
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
