import Tensors

/// The binary form in which a sample travels between processes.
///
/// Little-endian: the bytes `TRS1`; the name (UInt32 length, UTF-8); a kind byte. Kind 0: the image file (UInt64 length,
/// bytes). Kind 1: a UInt16 count of arrays, each a name (UInt32 length, UTF-8; the length 0xFFFFFFFF stands for none), an
/// element type byte, a rank byte, UInt64 extents, the elements. Kind 2: a UInt16 count of fields, each a byte 0, a name and
/// an image file as in kind 0, or a byte 1 and an array as in kind 1. Nothing may follow.
extension RawSample {
    /// Most bytes that an encoded sample may have.
    public static let maximumEncodedByteCount = 1 << 30

    private static let magic = Array("TRS1".utf8)
    private static let absentName = 0xFFFF_FFFF
    private static let maximumNameByteCount = 65_536
    /// Most axes of an array.
    static let maximumRank = 64
    /// Most arrays or fields of a sample.
    static let maximumEntryCount = Int(UInt16.max)

    /// The element types in the order of their codes; new ones go to the end.
    private static let elementTypes: [ElementType] = [
        .float32, .float16, .bfloat16, .float64, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64,
        .bool,
    ]

    /// The encoded sample.
    public func encoded() -> [UInt8] {
        var bytes = Self.magic
        Self.append(name, to: &bytes)
        switch content {
        case .image(let image):
            bytes.append(0)
            Self.append(UInt64(image.count), to: &bytes)
            bytes += image
        case .arrays(let entries):
            bytes.append(1)
            Self.append(UInt16(entries.count), to: &bytes)
            for entry in entries { Self.append(entry, to: &bytes) }
        case .fields(let fields):
            bytes.append(2)
            Self.append(UInt16(fields.count), to: &bytes)
            for field in fields {
                switch field {
                case .image(let name, let image):
                    bytes.append(0)
                    Self.append(name, to: &bytes)
                    Self.append(UInt64(image.count), to: &bytes)
                    bytes += image
                case .array(let entry):
                    bytes.append(1)
                    Self.append(entry, to: &bytes)
                }
            }
        }
        return bytes
    }

    private static func append(_ entry: Entry, to bytes: inout [UInt8]) {
        if let name = entry.name {
            append(name, to: &bytes)
        } else {
            append(UInt32(absentName), to: &bytes)
        }
        bytes.append(code(of: entry.tensor.elementType))
        bytes.append(UInt8(entry.tensor.shape.rank))
        for extent in entry.tensor.shape.dimensions { append(UInt64(extent), to: &bytes) }
        bytes += entry.tensor.storage.copyBytes()
    }

    /// Reads an encoded sample.
    ///
    /// - Throws: `malformedMessage` for anything that `encoded` does not make; nothing is allocated beyond the size of
    ///   `bytes`.
    public init(decoding bytes: [UInt8]) throws(DatasetError) {
        guard bytes.count <= Self.maximumEncodedByteCount else {
            throw .malformedMessage(reason: "\(bytes.count) bytes are more than \(Self.maximumEncodedByteCount)")
        }
        var reader = Reader(bytes: bytes)
        guard try reader.take(4) == Self.magic else { throw .malformedMessage(reason: "it does not start as a sample") }
        guard let name = try reader.name() else { throw .malformedMessage(reason: "it has no name") }
        self.name = name
        switch try reader.take(1) {
        case [0]: content = .image(try reader.take(try reader.integer(8)))
        case [1]:
            var entries: [Entry] = []
            for _ in 0..<(try reader.integer(2)) { entries.append(try Self.entry(&reader)) }
            content = .arrays(entries)
        case [2]:
            var fields: [Field] = []
            for _ in 0..<(try reader.integer(2)) { fields.append(try Self.field(&reader)) }
            content = .fields(fields)
        default: throw .malformedMessage(reason: "its kind is unknown")
        }
        guard reader.position == bytes.count else { throw .malformedMessage(reason: "bytes follow its end") }
    }

    private static func field(_ reader: inout Reader) throws(DatasetError) -> Field {
        switch try reader.take(1) {
        case [0]:
            guard let name = try reader.name() else { throw .malformedMessage(reason: "an image has no name") }
            return .image(name: name, bytes: try reader.take(try reader.integer(8)))
        case [1]: return .array(try entry(&reader))
        default: throw .malformedMessage(reason: "the kind of a field is unknown")
        }
    }

    private static func entry(_ reader: inout Reader) throws(DatasetError) -> Entry {
        let name = try reader.name()
        let code = try reader.integer(1)
        let rank = try reader.integer(1)
        guard code < elementTypes.count, rank <= maximumRank else {
            throw .malformedMessage(reason: "element type \(code) or rank \(rank) is unknown")
        }
        let type = elementTypes[code]
        var extents: [Int] = []
        for _ in 0..<rank { extents.append(try reader.integer(8)) }
        guard let shape = Shape(checking: extents),
            case let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount),
            !overflow
        else {
            throw .malformedMessage(reason: "the shape \(extents) is impossible")
        }
        let elements = try reader.take(byteCount)
        if type == .bool, elements.contains(where: { $0 > 1 }) {
            throw .malformedMessage(reason: "a truth value is neither 0 nor 1")
        }
        return Entry(
            name: name, tensor: Tensor(shape: shape, elementType: type, storage: TensorStorage(copying: elements)))
    }

    private static func code(of type: ElementType) -> UInt8 {
        guard let code = elementTypes.firstIndex(of: type) else {
            preconditionFailure("\(type) lacks a code")
        }
        return UInt8(code)
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        bytes += LittleEndianBytes.encoded(value)
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        append(UInt32(text.utf8.count), to: &bytes)
        bytes += Array(text.utf8)
    }

    /// Takes values off the front of the bytes.
    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        mutating func take(_ count: Int) throws(DatasetError) -> [UInt8] {
            guard count >= 0, count <= bytes.count - position else {
                throw .malformedMessage(reason: "it is cut off at byte \(bytes.count)")
            }
            defer { position += count }
            return Array(bytes[position..<position + count])
        }

        mutating func integer(_ byteCount: Int) throws(DatasetError) -> Int {
            guard let integer = Int(exactly: LittleEndianBytes.number(try take(byteCount))) else {
                throw .malformedMessage(reason: "a length is impossible")
            }
            return integer
        }

        mutating func name() throws(DatasetError) -> String? {
            let count = try integer(4)
            if count == RawSample.absentName { return nil }
            guard count <= RawSample.maximumNameByteCount,
                let text = String(validating: try take(count), as: UTF8.self)
            else {
                throw .malformedMessage(reason: "a name is too long or not UTF-8")
            }
            return text
        }
    }
}
