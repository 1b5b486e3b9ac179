/// The tensors of a safetensors file as arrays whose rows are read one by one.
///
/// Unlike `Safetensors` it does not map the file, so that a file which shrinks gives an error.
public struct SafetensorsFile: Sendable {
    /// The file, as the caller named it.
    public let path: String
    /// The names of the tensors in ascending byte order.
    public let names: [String]
    private let arrays: [String: StoredArray]

    /// Opens a file and reads its header.
    ///
    /// - Throws: `truncated`, `malformed` or `unsupported`, as `Safetensors`.
    public init(path: String) throws(TensorFileError) {
        let file = try InputFile(path: path)
        let headerByteCount = try SafetensorsLayout.headerByteCount(
            start: try file.bytes(0..<min(8, file.byteCount)), fileByteCount: file.byteCount, name: path)
        let dataOffset = 8 + headerByteCount
        let layout = try SafetensorsLayout(
            header: try file.bytes(8..<dataOffset), dataByteCount: file.byteCount - dataOffset, name: path)
        var arrays: [String: StoredArray] = [:]
        for entry in layout.entries {
            arrays[entry.name] = try StoredArray(
                elementsIn: file, range: dataOffset + entry.range.lowerBound..<dataOffset + entry.range.upperBound,
                name: entry.name, elementType: entry.elementType, shape: entry.shape)
        }
        self.path = path
        self.arrays = arrays
        names = arrays.keys.inByteOrder()
    }

    /// One tensor.
    ///
    /// - Throws: `missingMember`, naming the tensors that exist.
    public func array(_ name: String) throws(TensorFileError) -> StoredArray {
        guard let array = arrays[name] else {
            throw TensorFileError(path: path, member: name, reason: .missingMember(available: names))
        }
        return array
    }
}
