import Crypto
import Foundation
import Tensors

/// What calibration data were used: every file with its size and SHA-256, and one digest over the whole.
public struct DatasetManifest: Sendable, Hashable, Codable {
    /// One file.
    public struct File: Sendable, Hashable, Codable {
        /// The path as it was given, or as it lies in the folder that was given.
        public let path: String
        /// Size in bytes.
        public let byteCount: Int
        /// SHA-256 of the bytes, in hexadecimal.
        public let sha256: String
        /// Number of selected samples in it.
        public let sampleCount: Int
    }

    /// The files that hold selected samples, in the order of the samples.
    public let files: [File]
    /// Which samples were selected, for example `first 512`.
    public let selection: String

    init(files: [File], selection: SampleSelection) {
        self.files = files
        self.selection = selection.description
    }

    /// Number of selected samples.
    public var sampleCount: Int { files.reduce(0) { $0 + $1.sampleCount } }

    /// Number of bytes of all files.
    public var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

    /// SHA-256 over the contents and the selection, in hexadecimal.
    ///
    /// Paths are not part of it: the same data elsewhere have the same digest.
    public var digest: String {
        var text = "tare dataset 1\nselection \(selection)\n"
        for file in files { text += "\(file.sha256) \(file.byteCount) \(file.sampleCount)\n" }
        return Self.hexadecimal(SHA256.hash(data: Array(text.utf8)))
    }

    /// The digits of a digest.
    static func hexadecimal(_ digest: SHA256.Digest) -> String {
        digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension DatasetManifest.File {
    /// The size of a file in bytes.
    static func size(path: String) throws(DatasetError) -> Int {
        do throws(TensorFileError) {
            return try InputFile(path: path).byteCount
        } catch {
            throw .file(error)
        }
    }

    /// Hashes a file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - sampleCount: Number of selected samples in it.
    ///   - progress: Told the number of bytes of each piece.
    /// - Throws: `file` when the file cannot be read.
    init(path: String, sampleCount: Int, progress: (Int) -> Void) throws(DatasetError) {
        var hash = SHA256()
        do throws(TensorFileError) {
            let file = try InputFile(path: path)
            try file.forEachPiece { piece in
                hash.update(data: piece)
                progress(piece.count)
            }
            self.init(
                path: path, byteCount: file.byteCount, sha256: DatasetManifest.hexadecimal(hash.finalize()),
                sampleCount: sampleCount)
        } catch {
            throw .file(error)
        }
    }
}
