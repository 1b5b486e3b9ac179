import Calibration
import Conversion
import CoordinatorService
import Foundation
import Graphs
import ONNXFormat

/// A model as the user named it, with the files of its external data, read once.
struct SourceModel {
    /// The imported model.
    let imported: ImportedModel
    /// Its files.
    private let source: SourceFiles

    /// Reads a float model and refuses one that is quantized already.
    init(path: String) throws {
        try self.init(anyModel: path, what: "The model")
        let quantized = imported.graph.nodes.filter {
            switch $0.op {
            case .quantizeLinear, .dequantizeLinear, .integer, .quantized: true
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
        let path = try InputPath.existingFile(path, what: what)
        imported = try ONNXModel.load(from: URL(filePath: path))
        source = try SourceFiles(path: path, besides: imported.externalFiles)
    }

    /// Path of the file.
    var path: String { source.path }
    /// The files that workers need, for the job: the model, then its external data.
    var files: [JobSpecification.ModelFile] { source.files }
    /// The digest under which statistics and manifests name the model; it covers the external data.
    var digest: ContentDigest { source.digest }
    /// Name, digest and size of the model with its external data, for the manifest.
    var summary: ResultManifest.File { source.summary }
    /// Where the files lie.
    var paths: [String] { source.paths }
    /// The files as bytes to fetch.
    var blobs: [Blob] { source.blobs }
}
