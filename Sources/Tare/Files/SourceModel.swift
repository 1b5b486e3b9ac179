import Calibration
import Conversion
import CoordinatorService
import Foundation
import Graphs
import ONNXFormat
import Tensors

/// A float model as the user named it, read once.
struct SourceModel {
    /// Path of the file.
    let path: String
    /// Name, digest and size for the manifest.
    let file: ResultManifest.File
    /// Digest of the file.
    let digest: ContentDigest
    /// The imported model.
    let imported: ImportedModel

    /// Reads a model and refuses one that is quantized already.
    init(path: String) throws {
        self.path = try InputPath.existing(path, what: "The model")
        imported = try ONNXModel.load(from: URL(filePath: path))
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
                    + "calibrate the float model it was made from")
        }
        let content = try InputFile(path: path)
        var accumulator = ContentDigest.Accumulator()
        try content.forEachPiece { accumulator.append($0) }
        digest = accumulator.digest()
        file = ResultManifest.File(
            name: URL(filePath: path).lastPathComponent, sha256: digest.hexadecimal, bytes: content.byteCount)
    }

    /// The files that workers need, for the job.
    var files: [JobSpecification.ModelFile] {
        [JobSpecification.ModelFile(path: file.name, digest: digest, byteCount: file.bytes)]
    }

    /// The same files as bytes to fetch.
    var blobs: [Blob] {
        [Blob(file: URL(filePath: path), digest: digest)]
    }
}
