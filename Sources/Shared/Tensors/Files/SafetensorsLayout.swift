/// Where the tensors of a safetensors file lie, checked against the size of the file.
struct SafetensorsLayout {
    /// One tensor.
    struct Entry {
        let name: String
        let elementType: ElementType
        let shape: Shape
        /// Where its elements lie behind the header.
        let range: Range<Int>
    }

    let metadata: [String: String]
    /// In the order of the elements in the file.
    let entries: [Entry]

    /// The size of the JSON header, which follows the first 8 bytes.
    ///
    /// - Parameters:
    ///   - start: The first 8 bytes of the file, or all of a shorter one.
    ///   - fileByteCount: Size of the file.
    ///   - name: What the file is, for errors.
    /// - Returns: The size in bytes.
    /// - Throws: `truncated` or `malformed` when the file does not hold such a header.
    static func headerByteCount(
        start: [UInt8], fileByteCount: Int, name: String
    ) throws(TensorFileError) -> Int {
        guard start.count >= 8 else {
            throw TensorFileError(path: name, reason: .truncated(needed: 8, available: start.count))
        }
        guard let byteCount = LittleEndianBytes(start).uint64(at: 0), byteCount <= Safetensors.maximumHeaderByteCount
        else {
            throw TensorFileError(
                path: name,
                reason: .malformed("it announces a header of over \(Safetensors.maximumHeaderByteCount) bytes"))
        }
        guard byteCount <= fileByteCount - 8 else {
            throw TensorFileError(path: name, reason: .truncated(needed: byteCount, available: fileByteCount - 8))
        }
        return byteCount
    }

    /// Reads the header.
    ///
    /// - Parameters:
    ///   - header: The bytes of the JSON.
    ///   - dataByteCount: Number of bytes behind it.
    ///   - name: What the file is, for errors.
    /// - Throws: `malformed`, `truncated`, or `unsupported` (element types of 8-bit floats and the like).
    init(header: [UInt8], dataByteCount: Int, name: String) throws(TensorFileError) {
        let parsed: SafetensorsHeader
        do {
            parsed = try SafetensorsHeader(parsing: header)
        } catch {
            throw TensorFileError(path: name, reason: .malformed(error.detail))
        }
        var entries: [Entry] = []
        var end = 0
        for entry in parsed.entries.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
            let placed = try Self.placed(entry, after: end, dataByteCount: dataByteCount, name: name)
            entries.append(placed)
            end = placed.range.upperBound
        }
        guard end == dataByteCount else {
            throw TensorFileError(
                path: name, reason: .malformed("\(dataByteCount - end) bytes follow the last tensor"))
        }
        metadata = parsed.metadata
        self.entries = entries
    }

    private static func placed(
        _ entry: SafetensorsHeader.Entry, after end: Int, dataByteCount: Int, name: String
    ) throws(TensorFileError) -> Entry {
        func failure(_ reason: TensorFileError.Reason) -> TensorFileError {
            TensorFileError(path: name, member: entry.name, reason: reason)
        }
        guard let type = Safetensors.elementType(entry.typeName) else {
            throw failure(.unsupported("elements of type '\(entry.typeName)'"))
        }
        guard entry.begin == end else {
            throw failure(.malformed("it does not start where the tensor before it ends (byte \(end))"))
        }
        guard let shape = Shape(checking: entry.shape),
            case let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount),
            !overflow, byteCount == entry.end - entry.begin
        else {
            throw failure(
                .malformed(
                    "\(entry.end - entry.begin) bytes do not hold the shape \(entry.shape) of \(entry.typeName)"))
        }
        guard entry.end <= dataByteCount else {
            throw failure(.truncated(needed: byteCount, available: max(0, dataByteCount - entry.begin)))
        }
        return Entry(name: entry.name, elementType: type, shape: shape, range: entry.begin..<entry.end)
    }
}
