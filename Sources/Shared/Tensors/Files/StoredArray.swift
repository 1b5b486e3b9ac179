/// An array in a file (.npy, a member of .npz, IDX), read as a whole or row by row with bounded memory.
public struct StoredArray: Sendable {
    /// The name in a .npz file, without `.npy`; `nil` for files of one array.
    public private(set) var name: String?
    /// The type of each element.
    public let elementType: ElementType
    /// The extents.
    public let shape: Shape
    private let isBigEndian: Bool
    private let isFortranOrder: Bool
    private let path: String
    /// Number of bytes before the first element.
    private let dataOffset: Int
    private let source: ByteSource

    /// Where the bytes of the array, its header included, are.
    enum ByteSource: Sendable {
        /// As they are, with their CRC-32 where the file has one.
        case stored(InputFile, Range<Int>, checksum: UInt32?)
        case deflated(DeflatedRegion)

        var byteCount: Int {
            switch self {
            case .stored(_, let range, _): range.count
            case .deflated(let region): region.byteCount
            }
        }

        func storage(_ part: Range<Int>) throws(TensorFileError) -> TensorStorage {
            switch self {
            case .stored(let file, let range, _):
                try file.storage(range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound)
            case .deflated(let region): try region.storage(part)
            }
        }

        /// The first bytes, at most `count` of them.
        func prefix(_ count: Int) throws(TensorFileError) -> [UInt8] {
            try storage(0..<min(byteCount, count)).copyBytes()
        }
    }

    /// Opens a .npy file.
    public init(npyFile path: String) throws(TensorFileError) {
        let file = try InputFile(path: path)
        try self.init(npy: .stored(file, 0..<file.byteCount, checksum: nil), path: path, name: nil)
    }

    /// Opens an array that lies within a file as a .npy file would.
    ///
    /// - Parameters:
    ///   - file: The file.
    ///   - range: Where the .npy file lies in it.
    ///   - name: What the array is called, for errors.
    /// - Throws: `truncated`, `malformed` or `unsupported`, as for a file of its own.
    public init(npyIn file: InputFile, range: Range<Int>, name: String?) throws(TensorFileError) {
        try self.init(npy: .stored(file, range, checksum: nil), path: file.path, name: name)
    }

    /// Opens elements that follow each other in a file, little-endian and in row-major order, without a header.
    ///
    /// - Parameters:
    ///   - file: The file.
    ///   - range: Where the elements lie.
    ///   - name: What the array is called.
    ///   - elementType: The type of each element.
    ///   - shape: The extents.
    /// - Throws: `truncated` or `malformed` when the range is shorter or longer than the elements.
    public init(
        elementsIn file: InputFile, range: Range<Int>, name: String?, elementType: ElementType, shape: Shape
    ) throws(TensorFileError) {
        try self.init(
            source: .stored(file, range, checksum: nil), path: file.path, name: name, elementType: elementType,
            shape: shape, isBigEndian: false, isFortranOrder: false, dataOffset: 0)
    }

    /// Opens an IDX file, gzipped or not: the format of the MNIST files, elements big-endian.
    public init(idxFile path: String) throws(TensorFileError) {
        let (source, header) = try IDXHeader.open(InputFile(path: path))
        try self.init(
            source: source, path: path, name: nil, elementType: header.elementType, shape: header.shape,
            isBigEndian: true, isFortranOrder: false, dataOffset: header.byteCount)
    }

    /// Opens a member of a .npz file.
    init(archive: ZIPArchive, member: ZIPArchive.Member, name: String) throws(TensorFileError) {
        let range = try archive.range(of: member)
        let source: ByteSource
        switch member.method {
        case .stored: source = .stored(archive.file, range, checksum: member.checksum)
        case .deflated:
            source = .deflated(
                try DeflatedRegion(
                    file: archive.file, compressed: range, byteCount: member.byteCount, checksum: member.checksum,
                    member: name))
        }
        try self.init(npy: source, path: archive.file.path, name: name)
    }

    private init(npy source: ByteSource, path: String, name: String?) throws(TensorFileError) {
        let header: NPYHeader
        do throws(TensorFileError) {
            header = try NPYHeader(
                parsing: try source.prefix(NPYHeader.maximumByteCount), path: path, member: name)
        } catch {
            throw error.naming(path: path, member: name)
        }
        try self.init(
            source: source, path: path, name: name, elementType: header.elementType, shape: header.shape,
            isBigEndian: header.isBigEndian, isFortranOrder: header.isFortranOrder, dataOffset: header.byteCount)
    }

    private init(
        source: ByteSource, path: String, name: String?, elementType: ElementType, shape: Shape, isBigEndian: Bool,
        isFortranOrder: Bool, dataOffset: Int
    ) throws(TensorFileError) {
        let needed = shape.elementCount * elementType.byteCount
        let available = source.byteCount - dataOffset
        guard available >= needed else {
            throw TensorFileError(
                path: path, member: name, reason: .truncated(needed: needed, available: max(0, available)))
        }
        guard available == needed else {
            throw TensorFileError(
                path: path, member: name, reason: .malformed("\(available - needed) bytes follow the last element"))
        }
        self.source = source
        self.path = path
        self.name = name
        self.elementType = elementType
        self.shape = shape
        self.isBigEndian = isBigEndian
        self.isFortranOrder = isFortranOrder
        self.dataOffset = dataOffset
    }

    /// The same array without a name.
    public var unnamed: StoredArray {
        var copy = self
        copy.name = nil
        return copy
    }

    /// Number of entries along the outermost axis; `nil` for a scalar.
    public var rowCount: Int? { shape.dimensions.first }

    /// Whether each row lies in one piece: not so for column-major arrays.
    public var hasContiguousRows: Bool { !isFortranOrder || shape.rank <= 1 }

    /// Reads the whole array and checks its checksum where the file has one.
    public func tensor() throws(TensorFileError) -> Tensor {
        let storage = try data(0..<shape.elementCount * elementType.byteCount)
        switch source {
        case .deflated(let region): try region.verify()
        case .stored(_, _, let checksum):
            let start = try source.storage(0..<dataOffset)
            let part = unsafe Deflate.checksum(of: start.bytes, continuing: 0)
            try compare(checksum, with: unsafe Deflate.checksum(of: storage.bytes, continuing: part))
        }
        return try ElementReordering.tensor(
            from: storage, shape: shape, elementType: elementType, isBigEndian: isBigEndian,
            isFortranOrder: isFortranOrder, path: path, member: name)
    }

    /// Reads one entry along the outermost axis: row 7 of [60, 28, 28] has the shape [28, 28].
    ///
    /// Only its bytes are read and kept, so the checksum of the array is not looked at (`verify` does).
    ///
    /// - Precondition: The rank is at least 1 and the row exists.
    /// - Throws: `unsupported` for an array in column-major order, whose rows are not contiguous.
    public func row(_ index: Int) throws(TensorFileError) -> Tensor {
        guard let rowCount else { preconditionFailure("A scalar has no rows") }
        precondition(index >= 0 && index < rowCount, "Row \(index) of \(rowCount)")
        guard hasContiguousRows else {
            throw TensorFileError(
                path: path, member: name,
                reason: .unsupported("rows of an array in column-major order; save numpy.ascontiguousarray of it"))
        }
        let rowShape = Shape(Array(shape.dimensions.dropFirst()))
        let rowByteCount = rowShape.elementCount * elementType.byteCount
        return try ElementReordering.tensor(
            from: data(index * rowByteCount..<(index + 1) * rowByteCount), shape: rowShape, elementType: elementType,
            isBigEndian: isBigEndian, path: path, member: name)
    }

    /// Reads the whole array once, in pieces, and checks its checksum where the file has one.
    public func verify() throws(TensorFileError) {
        switch source {
        case .deflated(let region): try region.verify()
        case .stored(let file, let range, let checksum):
            guard checksum != nil else { return }
            var computed: UInt32 = 0
            var offset = range.lowerBound
            while offset < range.upperBound {
                let end = min(range.upperBound, offset + (1 << 20))
                computed = Deflate.checksum(of: try file.bytes(offset..<end), continuing: computed)
                offset = end
            }
            try compare(checksum, with: computed)
        }
    }

    private func compare(_ stored: UInt32?, with computed: UInt32) throws(TensorFileError) {
        guard let stored, stored != computed else { return }
        throw TensorFileError(
            path: path, member: name, reason: .checksumMismatch(stored: stored, computed: computed))
    }

    private func data(_ part: Range<Int>) throws(TensorFileError) -> TensorStorage {
        do throws(TensorFileError) {
            return try source.storage(dataOffset + part.lowerBound..<dataOffset + part.upperBound)
        } catch {
            throw error.naming(path: path, member: name)
        }
    }
}
