import Tensors

/// Reads arrays that follow each other in a program's output: .npy and .npz files back to back, without anything between.
struct FrameReader {
    private var bytes: FrameBytes
    private let source: String
    /// Number of bytes taken so far.
    var byteCount: Int { bytes.offset }
    /// Number of frames read so far.
    private(set) var count = 0

    /// Largest frame, in bytes.
    static let maximumByteCount = RawSample.maximumEncodedByteCount

    /// - Parameters:
    ///   - source: What the output is of, for errors.
    ///   - read: Waits for bytes; gives none at the end.
    init(source: String, read: @escaping () throws -> [UInt8]) {
        self.source = source
        bytes = FrameBytes(read)
    }

    /// What the frame that is read now is called in errors.
    private var frame: String { "\(source), frame \(count)" }

    /// The arrays of the next frame, as they lie in it; `nil` at the end.
    ///
    /// - Throws: `DatasetError` naming the frame, or what `read` throws.
    mutating func next() throws -> [RawSample.Entry]? {
        let start = try bytes.peek(6)
        if start.isEmpty { return nil }
        defer { count += 1 }
        switch FileFormat(start: start) {
        case .npy:
            return [
                RawSample.Entry(
                    name: nil, tensor: try NPYFile.decode(try array(within: Self.maximumByteCount), name: frame))
            ]
        case .npz: return try archive()
        default:
            throw failure(
                "it starts with \(start.map { String($0, radix: 16) }.joined(separator: " ")), as neither a .npy nor a .npz file "
                    + "does; write nothing else to standard output (messages go to standard error)")
        }
    }

    private func failure(_ reason: String) -> DatasetError { .malformedFile(path: frame, reason: reason) }

    private mutating func take(_ count: Int) throws -> [UInt8] { try bytes.take(count, frame: frame) }

    /// The bytes of a .npy array, whose header says how many there are.
    private mutating func array(within limit: Int) throws -> [UInt8] {
        let start = try bytes.peek(NPYHeader.startByteCount)
        guard start.count == NPYHeader.startByteCount else {
            throw failure("the output ends within the header of an array")
        }
        let headerByteCount = try NPYHeader.byteCount(ofHeaderIn: start, path: frame)
        let header = try NPYHeader(parsing: try bytes.peek(headerByteCount), path: frame)
        guard header.dataByteCount <= limit - headerByteCount else {
            throw failure(
                "an array \(header.elementType) \(header.shape) makes it larger than \(Self.maximumByteCount) bytes; write fewer "
                    + "samples per frame")
        }
        return try take(headerByteCount + header.dataByteCount)
    }

    /// The arrays of a zip archive that is read from front to back, as `numpy.savez` writes it to a pipe.
    private mutating func archive() throws -> [RawSample.Entry] {
        let begin = bytes.offset
        var entries: [RawSample.Entry] = []
        while true {
            guard bytes.offset - begin <= Self.maximumByteCount else {
                throw failure("it is larger than \(Self.maximumByteCount) bytes")
            }
            switch Self.number(try bytes.peek(4)[...]) {
            case 0x0403_4B50:
                let entry = try member(within: Self.maximumByteCount - (bytes.offset - begin))
                guard entries.allSatisfy({ $0.name != entry.name }) else {
                    throw failure("it has two arrays '\(entry.name ?? "")'")
                }
                entries.append(entry)
            case 0x0201_4B50:
                let entry = try take(46)
                _ = try take([28, 30, 32].reduce(0) { $0 + Self.number(entry[$1..<$1 + 2]) })
            case 0x0606_4B50:
                let size = Self.number(try take(12)[4...])
                guard size <= 1 << 16 else { throw failure("its directory is damaged") }
                _ = try take(size)
            case 0x0706_4B50: _ = try take(20)
            case 0x0605_4B50:
                let end = try take(22)
                _ = try take(Self.number(end[20...]))
                guard !entries.isEmpty else { throw failure("it holds no array") }
                return entries
            default: throw failure("it is a damaged .npz file")
            }
        }
    }

    /// One member of an archive, in front of which its local header stands.
    private mutating func member(within limit: Int) throws -> RawSample.Entry {
        let header = try take(30)
        let name = String(decoding: try take(Self.number(header[26..<28])), as: UTF8.self)
        let extra = try take(Self.number(header[28..<30]))
        guard header[6] & 1 == 0, Self.number(header[8..<10]) == 0 else {
            throw failure("'\(name)' is compressed or encrypted; write it with numpy.savez, not savez_compressed")
        }
        guard name.utf8.count > 4, name.hasSuffix(".npy") else { throw failure("'\(name)' is no .npy array") }
        let large = Self.largeSizes(extra)
        // Where the writer could not go back, the checksum and the sizes follow the array.
        let followsSizes = header[6] & 8 != 0
        let data = try array(within: limit)
        var stored = (
            checksum: Self.number(header[14..<18]),
            byteCount: large.map { Self.number($0) } ?? Self.number(header[22..<26])
        )
        if followsSizes {
            let width = large == nil ? 4 : 8
            let descriptor = try take(8 + 2 * width)
            guard Self.number(descriptor[..<4]) == 0x0807_4B50 else { throw failure("'\(name)' lacks its checksum") }
            stored = (Self.number(descriptor[4..<8]), Self.number(descriptor[(8 + width)...]))
        }
        guard stored.byteCount == data.count else {
            throw failure("'\(name)' has \(data.count) bytes, but \(stored.byteCount) are announced")
        }
        let checksum = Deflate.checksum(of: data)
        guard Int(checksum) == stored.checksum else {
            throw DatasetError.file(
                TensorFileError(
                    path: frame, member: name,
                    reason: .checksumMismatch(stored: UInt32(stored.checksum), computed: checksum)))
        }
        return RawSample.Entry(
            name: String(name.dropLast(4)), tensor: try NPYFile.decode(data, name: "\(frame), \(name)"))
    }

    /// The size of the uncompressed member in the extra field of large archives; `nil` without such a field.
    private static func largeSizes(_ extra: [UInt8]) -> ArraySlice<UInt8>? {
        var position = 0
        while position + 4 <= extra.count {
            let count = number(extra[position + 2..<position + 4])
            guard position + 4 + count <= extra.count else { return nil }
            if number(extra[position..<position + 2]) == 1, count >= 16 { return extra[position + 4..<position + 12] }
            position += 4 + count
        }
        return nil
    }

    /// A little-endian number of at most 8 bytes; one beyond `Int.max` is that.
    private static func number(_ bytes: ArraySlice<UInt8>) -> Int {
        Int(clamping: LittleEndianBytes.number(bytes))
    }
}
