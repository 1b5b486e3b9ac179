import Calibration
import CoordinatorService
import Foundation
import Tensors

/// The files of a model or a state dictionary as the user named them, hashed once.
struct SourceFiles {
    /// Path of the main file.
    let path: String
    /// The files that workers need, for the job: the main file first.
    let files: [JobSpecification.ModelFile]

    /// Hashes the files, with progress when that takes long.
    ///
    /// - Parameters:
    ///   - path: The main file.
    ///   - others: Names of further files in its folder.
    /// - Throws: `TensorFileError` when a file cannot be read.
    init(path: String, besides others: [String] = []) throws {
        self.path = path
        let folder = URL(filePath: path).deletingLastPathComponent()
        let names = [URL(filePath: path).lastPathComponent] + others
        let contents = try names.map { try InputFile(path: folder.appending(path: $0).path) }
        var progress = HashingProgress(totalBytes: contents.reduce(0) { $0 + $1.byteCount })
        files = try zip(names, contents).map { name, content in
            var accumulator = ContentDigest.Accumulator()
            try content.forEachPiece { piece in
                accumulator.append(piece)
                progress.add(bytes: piece.count)
            }
            return JobSpecification.ModelFile(
                path: name, digest: accumulator.digest(), byteCount: content.byteCount)
        }
        progress.finish()
    }

    /// The digest of all files.
    var digest: ContentDigest { JobSpecification.modelDigest(of: files) }

    /// Name, digest and size of all files, for the manifest.
    var summary: ResultManifest.File {
        ResultManifest.File(
            name: URL(filePath: path).lastPathComponent, sha256: digest.hexadecimal,
            bytes: files.reduce(0) { $0 + $1.byteCount })
    }

    /// Where the files lie.
    var paths: [String] {
        let folder = URL(filePath: path).deletingLastPathComponent()
        return files.map { folder.appending(path: $0.path).path }
    }

    /// The files as bytes to fetch.
    var blobs: [Blob] {
        zip(paths, files).map { path, file in Blob(file: URL(filePath: path), digest: file.digest) }
    }
}
