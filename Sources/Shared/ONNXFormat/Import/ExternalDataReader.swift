internal import Foundation
internal import Tensors

/// Reads constants that lie in files beside the model, and nowhere else; the files are mapped, not copied.
final class ExternalDataReader {
    /// The folder of the model.
    private let directory: URL
    private var files: [String: MappedFile] = [:]
    private var locations: Set<String> = []

    /// The files that were read, as paths relative to the model's folder without `.` components, in ascending order.
    var readFiles: [String] { locations.sorted() }

    init(directory: URL) {
        self.directory = directory.standardizedFileURL.resolvingSymlinksInPath()
    }

    /// The file that a tensor message names; empty when it names none.
    static func location(of proto: Onnx_TensorProto) -> String {
        proto.externalData.first { $0.key == "location" }?.value ?? ""
    }

    /// The bytes of a tensor.
    func storage(
        for proto: Onnx_TensorProto, tensor: String, byteCount: Int, elementAlignment: Int
    ) throws(ONNXImportError) -> TensorStorage {
        let location = Self.location(of: proto)
        func refused(_ reason: String) -> ONNXImportError {
            .externalData(tensor: tensor, location: location, reason: reason)
        }
        let url = try confinedURL(location, refused)
        let offset = try number("offset", of: proto, refused) ?? 0
        if let length = try number("length", of: proto, refused), length != byteCount {
            throw refused("the declared length is \(length) bytes, but shape and type need \(byteCount)")
        }
        let file = try mappedFile(at: url, refused)
        let (end, overflow) = offset.addingReportingOverflow(byteCount)
        guard !overflow, end <= file.byteCount else {
            throw refused(
                "\(byteCount) bytes at offset \(offset) go beyond its \(file.byteCount) bytes; copy it completely")
        }
        locations.insert(location.split(separator: "/").filter { $0 != "." }.joined(separator: "/"))
        do {
            let storage = try file.storage(offset..<end)
            return offset.isMultiple(of: elementAlignment) ? storage : copy(of: storage)
        } catch {
            throw refused(error.description)
        }
    }

    private func mappedFile(
        at url: URL, _ refused: (String) -> ONNXImportError
    ) throws(ONNXImportError) -> MappedFile {
        let path = url.path(percentEncoded: false)
        if let file = files[path] { return file }
        do {
            let file = try MappedFile(path: path)
            files[path] = file
            return file
        } catch {
            throw refused("it cannot be read: \(error.description); copy it beside the model")
        }
    }

    /// Elements can be read only at addresses that are multiples of their size.
    private func copy(of storage: TensorStorage) -> TensorStorage {
        let bytes = Tensor(shape: Shape([storage.byteCount]), elementType: .uint8, storage: storage)
        return Tensor(shape: bytes.shape, elements: bytes.elements(as: UInt8.self)).storage
    }

    /// The file's place, which must be inside the model's folder even after links are followed: a model from a stranger
    /// must not be able to read other files of this machine.
    private func confinedURL(
        _ location: String, _ refused: (String) -> ONNXImportError
    ) throws(ONNXImportError) -> URL {
        guard !location.isEmpty else { throw refused("the model does not say which file") }
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        guard !location.hasPrefix("/"), !location.contains("\\"), !location.contains("\0") else {
            throw refused("only relative paths are allowed")
        }
        guard !parts.contains("..") else { throw refused("the path leaves the model's folder") }
        let url = directory.appending(path: location).standardizedFileURL.resolvingSymlinksInPath()
        let base = directory.path(percentEncoded: false)
        let prefix = base.hasSuffix("/") ? base : base + "/"
        guard url.path(percentEncoded: false).hasPrefix(prefix) else {
            throw refused("a link leads out of the model's folder; copy the file itself beside the model")
        }
        return url
    }

    private func number(
        _ key: String, of proto: Onnx_TensorProto, _ refused: (String) -> ONNXImportError
    ) throws(ONNXImportError) -> Int? {
        guard let entry = proto.externalData.first(where: { $0.key == key }) else { return nil }
        guard let value = Int(entry.value), value >= 0 else {
            throw refused("the \(key) '\(entry.value)' is not a number of bytes")
        }
        return value
    }
}
