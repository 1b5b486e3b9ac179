public import Foundation
internal import SwiftProtobuf

/// Reads and writes ONNX models.
public enum ONNXModel {
    /// Versions of ONNX's operators that can be imported.
    ///
    /// Opsets 22 to 26 add operators, element types, and attributes that a node may leave out; an attribute that Tare does not know is refused.
    public static let supportedOpsets = 7...26

    /// Reads a model file; constants in external files must lie in the same folder or below it.
    ///
    /// - Throws: `ONNXImportError`; all unsupported operators are reported at once, before constants are read.
    public static func load(from url: URL) throws(ONNXImportError) -> ImportedModel {
        let data: Data
        do {
            data = try Data(contentsOf: url, options: .mappedIfSafe)
        } catch {
            throw .unreadableFile(path: url.path(percentEncoded: false), reason: error.localizedDescription)
        }
        return try load(
            from: data, baseDirectory: url.deletingLastPathComponent(),
            source: "'\(url.path(percentEncoded: false))'")
    }

    /// Reads a model from bytes.
    ///
    /// - Parameters:
    ///   - bytes: The content of a model file.
    ///   - baseDirectory: Where external constants lie; `nil` refuses them.
    ///   - source: What error messages call the bytes.
    /// - Returns: The model.
    /// - Throws: `ONNXImportError`; all unsupported operators are reported at once, before constants are read.
    public static func load(
        from bytes: Data, baseDirectory: URL?, source: String = "The data"
    ) throws(ONNXImportError) -> ImportedModel {
        let model: Onnx_ModelProto
        do {
            model = try Onnx_ModelProto(serializedBytes: bytes)
        } catch {
            throw .notONNX(source: source, byteCount: bytes.count, reason: "\(error)")
        }
        guard model.hasGraph else {
            throw .notONNX(source: source, byteCount: bytes.count, reason: "it holds no graph")
        }
        guard model.irVersion >= 3 else { throw .unsupportedIRVersion(Int(model.irVersion)) }
        let opsets = try opsets(declaredBy: model.opsetImport, of: "opset_import")
        guard let opset = opsets[""] else { throw .unsupportedOpset(nil) }
        guard supportedOpsets.contains(opset) else { throw .unsupportedOpset(opset) }

        let externalData = baseDirectory.map(ExternalDataReader.init)
        let importer = GraphImporter(
            opsets: opsets, functions: try FunctionLibrary(model.functions), externalData: externalData)
        let graph = try importer.graph(from: model.graph)
        return ImportedModel(
            graph: graph, irVersion: Int(model.irVersion), opset: opset,
            producerName: model.producerName, producerVersion: model.producerVersion,
            metadata: model.metadataProps.map { ($0.key, $0.value) }, externalFiles: externalData?.readFiles ?? [])
    }

    /// Opset by domain.
    ///
    /// ONNX's own domain, which has two spellings, is the empty one. `owner` is what errors name.
    static func opsets(
        declaredBy entries: [Onnx_OperatorSetIdProto], of owner: String
    ) throws(ONNXImportError) -> [String: Int] {
        var opsets: [String: Int] = [:]
        for entry in entries {
            let domain = GraphImporter.canonicalDomain(entry.domain)
            if let first = opsets[domain], first != Int(entry.version) {
                throw .invalidValue(
                    name: owner,
                    reason: "domain '\(domain)' is declared with versions \(first) and \(entry.version)")
            }
            opsets[domain] = Int(entry.version)
        }
        return opsets
    }
}
