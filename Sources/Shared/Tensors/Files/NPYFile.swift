/// NumPy array files (.npy): format versions 1 to 3 in, version 1 out.
///
/// Little- and big-endian numbers in row- or column-major order are read; truth values must be 0 or 1. NumPy knows no
/// bfloat16: such arrays (of the ml_dtypes package) have the type string `<V2`, which is read and written as bfloat16.
public enum NPYFile {
    /// Reads the array of a file.
    public static func read(path: String) throws(TensorFileError) -> Tensor {
        let file = try InputFile(path: path)
        let header = try readHeader(of: file)
        guard file.byteCount == header.byteCount + header.dataByteCount else {
            throw sizeMismatch(header, byteCount: file.byteCount, path: path, member: nil)
        }
        let storage = try file.storage(header.byteCount..<file.byteCount)
        return try tensor(header, storage, path: path, member: nil)
    }

    /// Reads the header of a file and no element.
    public static func readHeader(of file: InputFile) throws(TensorFileError) -> NPYHeader {
        let start = try file.bytes(0..<min(file.byteCount, NPYHeader.maximumByteCount))
        return try NPYHeader(parsing: start, path: file.path)
    }

    /// Reads an array from the bytes of a file.
    ///
    /// - Parameters:
    ///   - bytes: A whole .npy file.
    ///   - name: What the bytes are, for errors.
    /// - Returns: The array.
    /// - Throws: As `read(path:)`.
    public static func decode(_ bytes: [UInt8], name: String) throws(TensorFileError) -> Tensor {
        let header = try NPYHeader(parsing: bytes, path: name)
        guard bytes.count == header.byteCount + header.dataByteCount else {
            throw sizeMismatch(header, byteCount: bytes.count, path: name, member: nil)
        }
        let storage = TensorStorage(copying: Array(bytes[header.byteCount...]))
        return try tensor(header, storage, path: name, member: nil)
    }

    /// The bytes of a file that holds the tensor.
    public static func encode(_ tensor: Tensor) -> [UInt8] {
        NPYHeader.encoded(shape: tensor.shape, elementType: tensor.elementType) + tensor.storage.copyBytes()
    }

    /// Writes a file that holds the tensor.
    public static func write(_ tensor: Tensor, to path: String) throws(TensorFileError) {
        try AtomicFile.write(to: path) { (writer) throws(TensorFileError) in
            try writer.append(NPYHeader.encoded(shape: tensor.shape, elementType: tensor.elementType))
            try writer.append(tensor.storage)
        }
    }

    static func tensor(
        _ header: NPYHeader, _ storage: TensorStorage, path: String, member: String?
    ) throws(TensorFileError) -> Tensor {
        try ElementReordering.tensor(
            from: storage, shape: header.shape, elementType: header.elementType, isBigEndian: header.isBigEndian,
            isFortranOrder: header.isFortranOrder, path: path, member: member)
    }

    static func sizeMismatch(
        _ header: NPYHeader, byteCount: Int, path: String, member: String?
    ) -> TensorFileError {
        let available = byteCount - header.byteCount
        let reason: TensorFileError.Reason =
            available < header.dataByteCount
            ? .truncated(needed: header.dataByteCount, available: max(available, 0))
            : .malformed("\(available - header.dataByteCount) bytes follow the last element")
        return TensorFileError(path: path, member: member, reason: reason)
    }
}
