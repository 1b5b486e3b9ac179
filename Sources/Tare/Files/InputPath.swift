import Foundation

/// Paths that the user named for reading.
enum InputPath {
    /// The path itself, when a file or folder is there.
    static func existing(_ path: String, what: String) throws -> String {
        guard !path.isEmpty, FileManager.default.fileExists(atPath: path) else {
            throw CommandFailure(.noInput, "\(what) '\(path)' does not exist; check the path")
        }
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw CommandFailure(.noInput, "\(what) '\(path)' cannot be read: permission denied")
        }
        return path
    }

    /// The path itself, when a file is there.
    static func existingFile(_ path: String, what: String) throws -> String {
        let path = try existing(path, what: what)
        guard !isFolder(path) else { throw CommandFailure(.noInput, "\(what) '\(path)' is a folder; name a file") }
        return path
    }

    /// Whether a folder is there, after links are followed.
    static func isFolder(_ path: String) -> Bool {
        (try? URL(filePath: path).resolvingSymlinksInPath().resourceValues(forKeys: [.isDirectoryKey]).isDirectory)
            ?? false
    }
}
