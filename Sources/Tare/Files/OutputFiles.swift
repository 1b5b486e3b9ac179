import Foundation
import Tensors

/// The files that a command is about to write, checked before anything is computed.
struct OutputFiles {
    /// The quantized model.
    let model: String
    /// Its manifest.
    let manifest: String
    /// The statistics, when they are wanted.
    let statistics: String?
    /// The quantized state dictionary, when it is wanted.
    let stateDictionary: String?

    /// Name of the quantized model, without its folder.
    var modelName: String { URL(filePath: model).lastPathComponent }

    private struct Target {
        let what: String
        let path: String
    }

    private let targets: [Target]

    /// Checks that every file can be written and that no two are the same.
    ///
    /// - Throws: `CommandFailure` with status `inputOutput` or `usage`.
    init(model: String, statistics: String? = nil, stateDictionary: String? = nil) throws {
        self.model = model
        self.statistics = statistics
        self.stateDictionary = stateDictionary
        if let stateDictionary { _ = try StateFileFormat(path: stateDictionary) }
        manifest = (model.hasSuffix(".onnx") ? String(model.dropLast(5)) : model) + ".manifest.json"
        targets =
            [Target(what: "--output", path: model), Target(what: "the manifest of --output", path: manifest)]
            + (statistics.map { [Target(what: "--statistics", path: $0)] } ?? [])
            + (stateDictionary.map { [Target(what: "--state-dict", path: $0)] } ?? [])
        for target in targets { try Self.checkWritable(target.path, what: target.what) }
        for (index, target) in targets.enumerated() {
            for other in targets[..<index] where Self.identity(target.path) == Self.identity(other.path) {
                throw CommandFailure(
                    .usage, "\(other.what) and \(target.what) are the same file '\(target.path)'; give them other names"
                )
            }
        }
    }

    /// Writes a quantized model, its manifest and, where it is wanted, the state dictionary: all or none.
    ///
    /// - Throws: `TensorFileError` that names the file; earlier ones are then as they were.
    func write(_ output: ModelConversion.Output) throws {
        try write(model: output.modelBytes, manifest: output.manifestBytes, state: output.state)
    }

    /// The same for bytes.
    func write(model modelBytes: [UInt8], manifest manifestBytes: [UInt8], state: StateDictionary?) throws {
        try FolderLock.holding(folderOf: model) { () throws(TensorFileError) in
            // The model is on the disk before any takes its name, so a full disk leaves an earlier set as it was.
            try AtomicFile.write(to: model) { (writer) throws(TensorFileError) in
                try writer.append(modelBytes)
                if let stateDictionary, let state { try state.write(to: stateDictionary) }
                try AtomicFile.write(manifestBytes, to: manifest)
            }
        }
    }

    /// Refuses to write over anything that is read, or into a folder whose files are samples.
    ///
    /// - Throws: `CommandFailure` with status `usage`.
    func check(against inputs: [String]) throws {
        for target in targets { try Self.checkDistinct(target.path, what: target.what, from: inputs) }
    }

    /// The same for one file.
    static func checkDistinct(_ path: String, what: String, from inputs: [String]) throws {
        let written = identity(path)
        for input in inputs where !input.isEmpty {
            let read = identity(input)
            if written == read {
                throw CommandFailure(.usage, "\(what) would replace '\(input)', which is read; give another name")
            }
            if InputPath.isFolder(input), written.hasPrefix(read == "/" ? read : read + "/") {
                throw CommandFailure(
                    .usage,
                    "\(what) '\(path)' would lie among the samples in '\(input)'; write to another folder")
            }
        }
    }

    /// Checks that a file can be made.
    static func checkWritable(_ path: String, what: String) throws {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        guard InputPath.isFolder(folder) else {
            throw CommandFailure(
                .inputOutput, "\(what) '\(path)': the folder '\(folder)' does not exist; make it first")
        }
        guard FileManager.default.isWritableFile(atPath: folder) else {
            throw CommandFailure(.inputOutput, "\(what) '\(path)': the folder '\(folder)' cannot be written")
        }
        guard !path.isEmpty, !path.hasSuffix("/"), !InputPath.isFolder(path) else {
            throw CommandFailure(.inputOutput, "\(what) '\(path)' is a folder; name a file")
        }
        let type = try? FileManager.default.attributesOfItem(atPath: identity(path))[.type] as? FileAttributeType
        guard type == nil || type == .typeRegular else {
            throw CommandFailure(.inputOutput, "\(what) '\(path)' is a device or a pipe; name a file")
        }
    }

    /// The path without links, so that two spellings of a file are one.
    private static func identity(_ path: String) -> String {
        let url = URL(filePath: path).standardizedFileURL
        // A file that is not there yet cannot be resolved, its folder can.
        return FileManager.default.fileExists(atPath: url.path)
            ? url.resolvingSymlinksInPath().path
            : url.deletingLastPathComponent().resolvingSymlinksInPath().appending(path: url.lastPathComponent).path
    }
}
