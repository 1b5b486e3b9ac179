import Foundation
import ONNXFormat

/// A model that the user named.
enum ModelFile {
    /// Loads an ONNX model.
    static func load(_ path: String) throws -> ImportedModel {
        try ONNXModel.load(from: URL(filePath: InputPath.existingFile(path, what: "The model")))
    }
}
