import Tensors

/// The fields of ONNX's `TensorProto` in a file, by the wire format of protocol buffers.
///
/// The long field `raw_data` is only located. `Datasets` does not see the module with the generated classes, which would
/// read the whole file to give one sample.
struct TensorProtoMessage {
    private(set) var dimensions: [Int] = []
    private(set) var dataType: UInt64 = 0
    private(set) var name = ""
    /// Where `raw_data` lies in the file.
    private(set) var raw: Range<Int>?
    private var floats: [UInt8] = []
    private var doubles: [UInt8] = []
    private var integers: [UInt64] = []

    private static let maximumNameByteCount = 65_536

    /// The kinds of values on the wire.
    private enum Wire: UInt64 {
        case varint = 0
        case eightBytes = 1
        case bytes = 2
        case fourBytes = 5
    }

    /// Reads the fields of a file.
    mutating func read(_ file: InputFile) throws(TensorFileError) {
        var reader = Reader(file: file)
        while reader.position < file.byteCount {
            let tag = try reader.varint()
            guard let wire = Wire(rawValue: tag & 7), tag >> 3 != 0 else {
                throw reader.malformed("it is no protocol buffer of a tensor")
            }
            let range: Range<Int>
            var value: UInt64 = 0
            switch wire {
            case .varint:
                value = try reader.varint()
                range = reader.position..<reader.position
            case .eightBytes: range = try reader.skip(8)
            case .fourBytes: range = try reader.skip(4)
            case .bytes: range = try reader.skip(try reader.length())
            }
            try take(field: tag >> 3, wire, value, range, &reader)
        }
    }

    private mutating func take(
        field: UInt64, _ wire: Wire, _ value: UInt64, _ range: Range<Int>, _ reader: inout Reader
    ) throws(TensorFileError) {
        switch (field, wire) {
        case (1, .varint): try add(dimension: value, reader)
        case (1, .bytes): for value in try reader.varints(range) { try add(dimension: value, reader) }
        case (2, .varint): dataType = value
        case (4, .bytes), (4, .fourBytes): floats += try reader.file.bytes(range)
        case (5, .varint), (7, .varint), (11, .varint): integers.append(value)
        case (5, .bytes), (7, .bytes), (11, .bytes): integers += try reader.varints(range)
        case (8, .bytes):
            guard range.count <= Self.maximumNameByteCount,
                let text = String(validating: try reader.file.bytes(range), as: UTF8.self)
            else { throw reader.malformed("its name is too long or not UTF-8") }
            name = text
        case (9, .bytes): raw = range
        case (10, .bytes), (10, .eightBytes): doubles += try reader.file.bytes(range)
        case (3, _): throw reader.unsupported("a tensor in segments")
        case (6, _): throw reader.unsupported("a tensor of texts")
        case (13, _): throw reader.unsupported("a tensor whose data lie in another file; save it with its data")
        case (14, .varint) where value != 0:
            throw reader.unsupported("a tensor whose data lie in another file; save it with its data")
        default: break
        }
    }

    private mutating func add(dimension: UInt64, _ reader: Reader) throws(TensorFileError) {
        guard let extent = Int(exactly: dimension), dimensions.count < 64 else {
            throw reader.malformed("an extent is negative, or there are over 64")
        }
        dimensions.append(extent)
    }

    /// The elements of the typed fields as they lie in a tensor, little-endian.
    func converted(to type: ElementType, path: String) throws(TensorFileError) -> [UInt8] {
        switch type {
        case .float32: return floats
        case .float64: return doubles
        default:
            let width = type.byteCount
            let isSigned = [.int8, .int16, .int32, .int64].contains(type)
            var bytes: [UInt8] = []
            bytes.reserveCapacity(integers.count * width)
            for value in integers {
                // Negative numbers are written as 64 bits.
                let high = width == 8 ? 0 : Int64(bitPattern: value) >> (8 * width - (isSigned ? 1 : 0))
                guard high == 0 || (isSigned && high == -1) else {
                    throw TensorFileError(path: path, reason: .malformed("an element is no \(type)"))
                }
                for shift in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
            }
            return bytes
        }
    }

    /// Walks over a file.
    private struct Reader {
        let file: InputFile
        var position = 0

        func malformed(_ detail: String) -> TensorFileError {
            TensorFileError(path: file.path, reason: .malformed(detail))
        }

        func unsupported(_ detail: String) -> TensorFileError {
            TensorFileError(path: file.path, reason: .unsupported(detail))
        }

        /// One number of at most 10 bytes.
        mutating func varint() throws(TensorFileError) -> UInt64 {
            let bytes = try file.bytes(position..<min(position + 10, file.byteCount))
            var offset = 0
            guard let value = Self.varint(bytes, &offset) else { throw malformed("a number is cut off") }
            position += offset
            return value
        }

        mutating func length() throws(TensorFileError) -> Int {
            guard let length = Int(exactly: try varint()) else { throw malformed("a length is impossible") }
            return length
        }

        /// Steps over bytes, which have to be there.
        mutating func skip(_ count: Int) throws(TensorFileError) -> Range<Int> {
            guard count <= file.byteCount - position else {
                throw TensorFileError(
                    path: file.path, reason: .truncated(needed: count, available: file.byteCount - position))
            }
            defer { position += count }
            return position..<position + count
        }

        /// Numbers that follow each other without tags.
        func varints(_ range: Range<Int>) throws(TensorFileError) -> [UInt64] {
            let bytes = try file.bytes(range)
            var values: [UInt64] = []
            var offset = 0
            while offset < bytes.count {
                guard let value = Self.varint(bytes, &offset) else { throw malformed("a number is cut off") }
                values.append(value)
            }
            return values
        }

        private static func varint(_ bytes: [UInt8], _ offset: inout Int) -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: 0, to: 70, by: 7) {
                guard offset < bytes.count else { return nil }
                let byte = bytes[offset]
                offset += 1
                value |= UInt64(byte & 0x7F) << UInt64(shift)
                if byte & 0x80 == 0 { return value }
            }
            return nil
        }
    }
}
