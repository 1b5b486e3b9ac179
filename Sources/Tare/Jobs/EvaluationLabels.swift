import Datasets
import Foundation

/// Where the right classes are.
enum LabelSource {
    /// A file of one integer array (.npy, IDX; .npz, safetensors or PyTorch with one array).
    case file(String)
    /// An array beside the data, or what is called so in a tar archive.
    case array(String)
    /// The folders that the images lie in; the file has the names of the classes in their order, or they are sorted.
    case folders(classes: String?)

    private static let folders = "folders"

    /// What a user of this machine means: a file when there is one of this name.
    init(named name: String) {
        self = FileManager.default.fileExists(atPath: name) ? .file(name) : Self(otherThanFile: name)
    }

    /// What a client means who named files by whole paths.
    init(submitted name: String) {
        self = name.hasPrefix("/") ? .file(name) : Self(otherThanFile: name)
    }

    private init(otherThanFile name: String) {
        if name == Self.folders {
            self = .folders(classes: nil)
        } else if name.hasPrefix(Self.folders + ":") {
            self = .folders(classes: String(name.dropFirst(Self.folders.count + 1)))
        } else {
            self = .array(name)
        }
    }

    /// The array of the data that has the labels; `nil` when they are elsewhere.
    var array: String? {
        if case .array(let name) = self { name } else { nil }
    }

    /// The file with labels or classes; `nil` when there is none.
    var path: String? {
        switch self {
        case .file(let path): path
        case .folders(let classes): classes
        case .array: nil
        }
    }

    /// Refuses labels beside data that have no place for them, before the data are read.
    ///
    /// - Throws: `CommandFailure` with status `usage`.
    func check(suits data: DataOptions) throws {
        let remedy = "name a file with a whole number for each sample (.npy)"
        switch self {
        case .array(let name) where data.format != nil:
            throw CommandFailure(
                .usage,
                "--labels '\(name)' is no file, and files without a header (--data-format) hold samples alone; \(remedy)"
            )
        case .folders where data.format != nil || data.command != nil:
            let option = data.command == nil ? "--data-format" : "--data-command"
            throw CommandFailure(
                .usage,
                "--labels folders is for folders of images, and \(option) says that the samples are none; \(remedy)")
        default: return
        }
    }

    /// The same with another file.
    func replacing(path: (String) throws -> String) rethrows -> LabelSource {
        switch self {
        case .file(let file): .file(try path(file))
        case .folders(let classes): .folders(classes: try classes.map(path))
        case .array: self
        }
    }

    /// As on the command line, with files by whole paths.
    static func whole(_ name: String, path: (String) -> String) -> String {
        switch LabelSource(named: name) {
        case .file(let file): path(file)
        case .folders(let classes?): "\(folders):\(path(classes))"
        case .folders, .array: name
        }
    }
}

/// The right classes of samples: an array that lies beside them, a file of their own, or the folders that they lie in.
struct EvaluationLabels {
    /// The labels of the samples in use.
    let selected: [Int]

    /// Reads the labels.
    ///
    /// - Parameters:
    ///   - source: Where they are.
    ///   - data: The data.
    ///   - samples: The samples in use.
    /// - Throws: `DatasetError`, `CommandFailure` when there is neither.
    init(_ source: LabelSource, data: DataOptions, samples: DatasetSource) throws {
        let labels: [Int]
        let name: String
        switch source {
        case .array(let array) where data.command != nil:
            selected = try Labels.read(samples, array: array)
            return
        case .file(let path):
            name = path
            labels = try Labels.read(path: InputPath.existingFile(path, what: "The labels file"))
        case .array(let array):
            name = array
            var progress = SpoolingProgress(isOfCommand: false)
            defer { progress.finish() }
            labels = try data.paths.flatMap { path in
                guard !InputPath.isFolder(path) else {
                    throw CommandFailure(
                        .noInput,
                        "--labels '\(array)' is no file, and the folder '\(path)' holds no array of this name; name a file, or "
                            + "'folders' when it has a folder for each class")
                }
                return try Labels.read(path: path, array: array, spoolLimit: data.spoolByteLimit) {
                    progress.update($0)
                }
            }
        case .folders(let classes):
            name = "folders"
            labels = try Labels.classFolders(
                data.paths,
                classes: classes.map { try InputPath.existingFile($0, what: "The file of classes") })
        }
        guard labels.count == samples.availableCount else {
            throw CommandFailure(
                .badData,
                "--labels '\(name)' has \(labels.count) entries for \(samples.availableCount) samples of --data")
        }
        selected = (0..<samples.sampleCount).map { labels[samples.position(of: $0)] }
    }
}
