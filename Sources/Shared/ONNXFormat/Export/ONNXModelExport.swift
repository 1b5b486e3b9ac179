public import Foundation
public import Graphs
internal import SwiftProtobuf
internal import Tensors

extension ONNXModel {
    /// The bytes of a graph as an ONNX model; the same graph and options give the same bytes.
    ///
    /// The opset is the lowest that is at least 13, the graph's own, `options.minimumOpset`, and what every operator and
    /// type needs.
    ///
    /// - Throws: `ONNXExportError`; `tooLargeForOneMessage` when the constants need a second file.
    public static func serialize(
        _ graph: Graph, options: ONNXExportOptions = ONNXExportOptions()
    ) throws(ONNXExportError) -> Data {
        let exporter = try GraphExporter(graph, options: options)
        let byteCount = constantByteCount(exporter)
        guard byteCount <= maximumMessageByteCount else { throw .tooLargeForOneMessage(byteCount: byteCount) }
        return try bytes(exporter, options) { TensorEncoder.message($0, name: $1) }
    }

    /// Writes a graph as an ONNX model; a reader never meets half of a file.
    ///
    /// Constants go to `NAME.onnx.data` beside it when they take more than `options.externalDataThreshold` bytes. That
    /// file gets its name first, so that whoever sees the new model finds its constants.
    ///
    /// - Throws: `ONNXExportError`; the model file is then as it was before.
    public static func write(
        _ graph: Graph, to url: URL, options: ONNXExportOptions = ONNXExportOptions()
    ) throws(ONNXExportError) {
        let exporter = try GraphExporter(graph, options: options)
        let path = url.path(percentEncoded: false)
        let threshold = min(options.externalDataThreshold, maximumMessageByteCount)
        let content: Data
        if constantByteCount(exporter) > threshold {
            content = try writeExternalData(exporter, options, dataPath: path + ".data")
        } else {
            content = try bytes(exporter, options) { TensorEncoder.message($0, name: $1) }
        }
        do {
            try AtomicFile.write([UInt8](content), to: path)
        } catch {
            throw .file(error)
        }
    }

    /// Protobuf messages end at 2 GiB; nodes and names need some of that.
    private static let maximumMessageByteCount = (1 << 31) - (1 << 26)

    /// Constants below this size stay in the model file.
    private static let smallestExternalByteCount = 1024

    /// Every external constant starts at a multiple of the page size, so that it can be mapped.
    private static let externalAlignment = 4096

    private static func constantByteCount(_ exporter: GraphExporter) -> Int {
        exporter.constantNames.reduce(0) { $0 + (exporter.graph.initializers[$1]?.byteCount ?? 0) }
    }

    private static func bytes(
        _ exporter: GraphExporter, _ options: ONNXExportOptions, encode: (Tensor, String) -> Onnx_TensorProto
    ) throws(ONNXExportError) -> Data {
        var model = Onnx_ModelProto()
        model.irVersion = Int64(exporter.irVersion)
        model.producerName = "tare"
        model.producerVersion = options.producerVersion
        model.opsetImport = [operatorSet("", version: exporter.opset)]
        if uses(QuantizedFamily.domain, in: exporter.graph) {
            model.opsetImport.append(operatorSet(QuantizedFamily.domain, version: QuantizedFamily.opset))
        }
        model.metadataProps = options.metadata.map { TensorEncoder.entry($0.key, $0.value) }
        model.graph = try exporter.message(encode: encode)
        do {
            return try model.serializedBytes()
        } catch {
            throw .encoding(reason: "\(error)")
        }
    }

    /// Whether a node of the graph, or of a graph inside of one, belongs to a domain; the model declares it for all of them.
    private static func uses(_ domain: String, in graph: Graph) -> Bool {
        graph.nodes.contains { node in
            node.op.domain == domain || node.bodies.contains { uses(domain, in: $0) }
        }
    }

    private static func operatorSet(_ domain: String, version: Int) -> Onnx_OperatorSetIdProto {
        var entry = Onnx_OperatorSetIdProto()
        entry.domain = domain
        entry.version = Int64(version)
        return entry
    }

    /// Writes the large constants to `dataPath`.
    ///
    /// - Returns: The bytes of the model that refers to them.
    private static func writeExternalData(
        _ exporter: GraphExporter, _ options: ONNXExportOptions, dataPath: String
    ) throws(ONNXExportError) -> Data {
        let fileName = URL(filePath: dataPath).lastPathComponent
        var end = 0
        var external: [(tensor: Tensor, offset: Int)] = []
        let content = try bytes(exporter, options) { tensor, name in
            guard tensor.byteCount >= smallestExternalByteCount else {
                return TensorEncoder.message(tensor, name: name)
            }
            let offset = (end + externalAlignment - 1) / externalAlignment * externalAlignment
            end = offset + tensor.byteCount
            external.append((tensor, offset))
            return TensorEncoder.message(tensor, name: name, file: fileName, offset: offset)
        }
        do {
            try AtomicFile.write(to: dataPath) { (writer) throws(TensorFileError) in
                for (tensor, offset) in external {
                    try writer.append([UInt8](repeating: 0, count: offset - writer.byteCount))
                    try writer.append(tensor.storage)
                }
            }
        } catch {
            throw .file(error)
        }
        return content
    }
}
