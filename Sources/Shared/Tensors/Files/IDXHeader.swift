/// The header of an IDX file, the format of the MNIST images and labels: element type and extents.
struct IDXHeader {
    let elementType: ElementType
    let shape: Shape

    /// Number of bytes before the first element.
    var byteCount: Int { 4 + 4 * shape.rank }

    /// A magic number and at most 255 extents.
    private static let maximumByteCount = 4 + 4 * 255

    private static let elementTypes: [UInt8: ElementType] = [
        0x08: .uint8, 0x09: .int8, 0x0B: .int16, 0x0C: .int32, 0x0D: .float32, 0x0E: .float64,
    ]

    /// Reads the header from the first bytes of a file.
    private init(parsing bytes: [UInt8], path: String) throws(TensorFileError) {
        guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0, let type = Self.elementTypes[bytes[2]] else {
            throw TensorFileError(path: path, reason: .malformed("it does not start as an IDX file does"))
        }
        let rank = Int(bytes[3])
        guard bytes.count >= 4 + 4 * rank else {
            throw TensorFileError(path: path, reason: .truncated(needed: 4 + 4 * rank, available: bytes.count))
        }
        let extents = (0..<rank).map { axis in
            bytes[4 + 4 * axis..<8 + 4 * axis].reduce(0) { $0 << 8 | Int($1) }
        }
        guard let shape = Shape(checking: extents),
            !shape.elementCount.multipliedReportingOverflow(by: type.byteCount).overflow
        else {
            throw TensorFileError(path: path, reason: .malformed("the shape \(extents) is impossible"))
        }
        elementType = type
        self.shape = shape
    }

    /// Whether a file that starts with these bytes may be an IDX file.
    static func matches(_ start: [UInt8]) -> Bool {
        start.count >= 4 && start[0] == 0 && start[1] == 0 && elementTypes[start[2]] != nil && start[3] > 0
    }

    /// Opens an IDX file, gzipped or not.
    static func open(_ file: InputFile) throws(TensorFileError) -> (source: StoredArray.ByteSource, header: IDXHeader) {
        let start = try file.bytes(0..<min(2, file.byteCount))
        guard start == GzipMember.magic else {
            let source = StoredArray.ByteSource.stored(file, 0..<file.byteCount, checksum: nil)
            return (source, try IDXHeader(parsing: source.prefix(maximumByteCount), path: file.path))
        }
        let member = try GzipMember(file: file)
        let first = StoredArray.ByteSource.deflated(try member.region(byteCount: member.byteCountModulo))
        let header = try IDXHeader(parsing: first.prefix(maximumByteCount), path: file.path)
        // gzip keeps only 32 bits of the size; the header knows the rest.
        let byteCount = header.byteCount + header.shape.elementCount * header.elementType.byteCount
        guard byteCount > member.byteCountModulo, byteCount & 0xFFFF_FFFF == member.byteCountModulo else {
            return (first, header)
        }
        return (.deflated(try member.region(byteCount: byteCount)), header)
    }
}
