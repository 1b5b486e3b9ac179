import Calibration
import Conversion
import CoordinatorService
import Foundation
import Graphs
import ONNXFormat
import Tensors

/// A model as the user named it, with the files of its external data, read once.
struct SourceModel {
    /// Path of the file.
    let path: String
    /// The imported model.
    let imported: ImportedModel
    /// The files that workers need, for the job: the model, then its external data.
    let files: [JobSpecification.ModelFile]

    /// Reads a float model and refuses one that is quantized already.
    init(path: String) throws {
        try self.init(anyModel: path, what: "The model")
        let quantized = imported.graph.nodes.filter {
            switch $0.op {
            case .quantizeLinear, .dequantizeLinear: true
            default: false
            }
        }
        if let node = quantized.first {
            throw CommandFailure(
                .badData,
                "The model '\(path)' is quantized already (node '\(node.name)' is \(node.op.name)); "
                    + "give the float model it was made from")
        }
    }

    /// Reads a model of any kind; `what` says in errors which.
    init(anyModel path: String, what: String) throws {
        self.path = try InputPath.existingFile(path, what: what)
        imported = try ONNXModel.load(from: URL(filePath: path))
        let folder = URL(filePath: path).deletingLastPathComponent()
        let names = [URL(filePath: path).lastPathComponent] + imported.externalFiles
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

    /// The digest under which statistics and manifests name the model; it covers the external data.
    var digest: ContentDigest { JobSpecification.modelDigest(of: files) }

    /// Name, digest and size of the model with its external data, for the manifest.
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
