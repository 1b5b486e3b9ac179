/// One array of a NumPy archive, read as a whole or row by row with bounded memory.
public struct NPZArray: Sendable {
    /// The name, without `.npy`.
    public let name: String
    /// Element type, extents and order.
    public let header: NPYHeader
    private let path: String
    private let checksum: UInt32
    private let source: Source

    private enum Source: Sendable {
        case stored(InputFile, Range<Int>)
        case deflated(DeflatedRegion)

        var byteCount: Int {
            switch self {
            case .stored(_, let range): range.count
            case .deflated(let region): region.byteCount
            }
        }

        func storage(_ part: Range<Int>) throws(TensorFileError) -> TensorStorage {
            switch self {
            case .stored(let file, let range):
                try file.storage(range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound)
            case .deflated(let region): try region.storage(part)
            }
        }
    }

    init(archive: ZIPArchive, member: ZIPArchive.Member, name: String) throws(TensorFileError) {
        self.name = name
        path = archive.file.path
        checksum = member.checksum
        let range = try archive.range(of: member)
        switch member.method {
        case .stored: source = .stored(archive.file, range)
        case .deflated:
            source = .deflated(
                try DeflatedRegion(
                    file: archive.file, compressed: range, byteCount: member.byteCount, checksum: member.checksum,
                    member: name))
        }
        do throws(TensorFileError) {
            let start = try source.storage(0..<min(source.byteCount, NPYHeader.maximumByteCount)).copyBytes()
            header = try NPYHeader(parsing: start, path: path, member: name)
        } catch {
            throw error.naming(path: archive.file.path, member: name)
        }
        guard source.byteCount == header.byteCount + header.dataByteCount else {
            throw NPYFile.sizeMismatch(header, byteCount: source.byteCount, path: path, member: name)
        }
    }

    /// Number of entries along the outermost axis; `nil` for a scalar.
    public var rowCount: Int? { header.shape.dimensions.first }

    /// Whether the elements are deflated in the file.
    public var isDeflated: Bool {
        if case .deflated = source { true } else { false }
    }

    /// Reads the whole array and checks its checksum.
    public func tensor() throws(TensorFileError) -> Tensor {
        let storage = try data(0..<header.dataByteCount)
        if case .deflated(let region) = source {
            try region.verify()
        } else {
            let start = try source.storage(0..<header.byteCount)
            let part = unsafe Deflate.checksum(of: start.bytes, continuing: 0)
            let computed = unsafe Deflate.checksum(of: storage.bytes, continuing: part)
            guard computed == checksum else {
                throw TensorFileError(
                    path: path, member: name, reason: .checksumMismatch(stored: checksum, computed: computed))
            }
        }
        return try NPYFile.tensor(header, storage, path: path, member: name)
    }

    /// Reads one entry along the outermost axis: row 7 of [60, 28, 28] has the shape [28, 28].
    ///
    /// Only its bytes are read and kept; so its checksum is not known (`verify` checks the whole array).
    ///
    /// - Precondition: The rank is at least 1 and the row exists.
    /// - Throws: `unsupported` for an array in column-major order, whose rows are not contiguous.
    public func row(_ index: Int) throws(TensorFileError) -> Tensor {
        guard let rowCount else { preconditionFailure("A scalar has no rows") }
        precondition(index >= 0 && index < rowCount, "Row \(index) of \(rowCount)")
        let shape = Shape(Array(header.shape.dimensions.dropFirst()))
        guard !header.isFortranOrder || header.shape.rank == 1 else {
            throw TensorFileError(
                path: path, member: name,
                reason: .unsupported("rows of an array in column-major order; save it through numpy.ascontiguousarray"))
        }
        let rowByteCount = shape.elementCount * header.elementType.byteCount
        let storage = try data(index * rowByteCount..<(index + 1) * rowByteCount)
        return try ElementReordering.tensor(
            from: storage, shape: shape, elementType: header.elementType, isBigEndian: header.isBigEndian, path: path,
            member: name)
    }

    /// Reads the whole array once, in pieces, and checks its checksum.
    public func verify() throws(TensorFileError) {
        guard case .stored(let file, let range) = source else {
            if case .deflated(let region) = source { try region.verify() }
            return
        }
        var computed: UInt32 = 0
        var offset = range.lowerBound
        while offset < range.upperBound {
            let end = min(range.upperBound, offset + (1 << 20))
            computed = Deflate.checksum(of: try file.bytes(offset..<end), continuing: computed)
            offset = end
        }
        guard computed == checksum else {
            throw TensorFileError(
                path: path, member: name, reason: .checksumMismatch(stored: checksum, computed: computed))
        }
    }

    private func data(_ part: Range<Int>) throws(TensorFileError) -> TensorStorage {
        do throws(TensorFileError) {
            return try source.storage(header.byteCount + part.lowerBound..<header.byteCount + part.upperBound)
        } catch {
            throw error.naming(path: path, member: name)
        }
    }
}
