import Tensors

/// Walks over the fields of a protocol buffer in a file, of which a piece at a time is in memory.
struct ProtobufReader {
    /// The kinds of values on the wire.
    enum Wire: UInt64 {
        case varint = 0
        case eightBytes = 1
        case bytes = 2
        case fourBytes = 5
    }

    /// One field.
    struct Field {
        let number: UInt64
        let wire: Wire
        /// The number of a `varint`, else 0.
        let value: UInt64
        /// Where the bytes of any other lie in the file.
        let range: Range<Int>
    }

    private let file: InputFile
    private var position = 0
    /// What was read of the file, from `start` on.
    private var piece: [UInt8] = []
    private var start = 0

    private static let pieceByteCount = 1 << 16

    init(file: InputFile) {
        self.file = file
    }

    /// The next field; `nil` at the end.
    mutating func next() throws(TensorFileError) -> Field? {
        guard position < file.byteCount else { return nil }
        let tag = try varint(before: file.byteCount)
        guard let wire = Wire(rawValue: tag & 7), tag >> 3 != 0 else {
            throw malformed("it is no protocol buffer of a tensor")
        }
        var value: UInt64 = 0
        var range = position..<position
        switch wire {
        case .varint: value = try varint(before: file.byteCount)
        case .eightBytes: range = try skip(8)
        case .fourBytes: range = try skip(4)
        case .bytes:
            guard let length = Int(exactly: try varint(before: file.byteCount)) else {
                throw malformed("a length is impossible")
            }
            range = try skip(length)
        }
        return Field(number: tag >> 3, wire: wire, value: value, range: range)
    }

    /// Takes numbers that follow each other without tags, and goes on where it was.
    mutating func forEachVarint(
        in range: Range<Int>, _ body: (UInt64) throws(TensorFileError) -> Void
    ) throws(TensorFileError) {
        let resume = position
        position = range.lowerBound
        while position < range.upperBound { try body(try varint(before: range.upperBound)) }
        position = resume
    }

    func malformed(_ detail: String) -> TensorFileError {
        TensorFileError(path: file.path, reason: .malformed(detail))
    }

    func unsupported(_ detail: String) -> TensorFileError {
        TensorFileError(path: file.path, reason: .unsupported(detail))
    }

    /// One number of at most 10 bytes.
    private mutating func varint(before end: Int) throws(TensorFileError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard position < end else { break }
            let byte = try byte()
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte & 0x80 == 0 { return value }
        }
        throw malformed("a number is cut off")
    }

    private mutating func byte() throws(TensorFileError) -> UInt8 {
        if position < start || position >= start + piece.count {
            start = position
            piece = try file.bytes(position..<min(position + Self.pieceByteCount, file.byteCount))
        }
        defer { position += 1 }
        return piece[position - start]
    }

    /// Steps over bytes, which have to be there.
    private mutating func skip(_ count: Int) throws(TensorFileError) -> Range<Int> {
        guard count <= file.byteCount - position else {
            throw TensorFileError(
                path: file.path, reason: .truncated(needed: count, available: file.byteCount - position))
        }
        defer { position += count }
        return position..<position + count
    }
}
