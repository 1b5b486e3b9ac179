import Foundation

/// Paths that the user named.
enum InputPath {
    /// The path itself, when a file or folder is there.
    static func existing(_ path: String, what: String) throws -> String {
        guard FileManager.default.fileExists(atPath: path) else {
            throw CommandFailure(.noInput, "\(what) '\(path)' does not exist; check the path")
        }
        return path
    }

    /// The path of a file that is about to be written, when its folder is there and can be written.
    static func writable(_ path: String, what: String) throws -> String {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        guard isFolder(folder) else {
            throw CommandFailure(
                .inputOutput, "\(what) '\(path)': the folder '\(folder)' does not exist; make it first")
        }
        guard FileManager.default.isWritableFile(atPath: folder) else {
            throw CommandFailure(.inputOutput, "\(what) '\(path)': the folder '\(folder)' cannot be written")
        }
        guard !isFolder(path) else {
            throw CommandFailure(.inputOutput, "\(what) '\(path)' is a folder; name a file")
        }
        return path
    }

    private static func isFolder(_ path: String) -> Bool {
        (try? URL(filePath: path).resourceValues(forKeys: [.isDirectoryKey]).isDirectory) ?? false
    }
}
