import Foundation

/// A file for readers that take paths; it vanishes with the object.
final class ScratchFile {
    /// The file could not be written.
    struct Failure: Error {
        let path: String
    }

    let path: String

    /// Writes the bytes to a new file in the folder that `TMPDIR` names, else in `/tmp`.
    init(_ bytes: [UInt8]) throws(Failure) {
        path = FileManager.default.temporaryDirectory.appending(path: "tare-fuzz-\(UUID().uuidString)").path()
        guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else { throw Failure(path: path) }
    }

    deinit { unsafe unlink(path) }
}
