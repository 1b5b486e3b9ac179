import Tensors

/// The fields of ONNX's `TensorProto` in a file, by the wire format of protocol buffers.
///
/// The long fields are only located at first. `Datasets` does not see the module with the generated classes, which would
/// read the whole file to give one sample.
struct TensorProtoMessage {
    private(set) var dimensions: [Int] = []
    private(set) var dataType: UInt64 = 0
    private(set) var name = ""
    /// Where `raw_data` lies in the file.
    private(set) var raw: Range<Int>?
    private let file: InputFile

    private static let maximumNameByteCount = 65_536
    private static let maximumRank = 64

    /// Reads the fields of a file.
    init(_ file: InputFile) throws(TensorFileError) {
        self.file = file
        var reader = ProtobufReader(file: file)
        while let field = try reader.next() { try take(field, &reader) }
    }

    private mutating func take(
        _ field: ProtobufReader.Field, _ reader: inout ProtobufReader
    ) throws(TensorFileError) {
        switch (field.number, field.wire) {
        case (1, .varint): try add(dimension: field.value)
        case (1, .bytes):
            try reader.forEachVarint(in: field.range) { value throws(TensorFileError) in
                try add(dimension: value)
            }
        case (2, .varint): dataType = field.value
        case (8, .bytes):
            guard field.range.count <= Self.maximumNameByteCount,
                let text = String(validating: try file.bytes(field.range), as: UTF8.self)
            else { throw reader.malformed("its name is too long or not UTF-8") }
            name = text
        case (9, .bytes): raw = field.range
        case (3, _): throw reader.unsupported("a tensor in segments")
        case (6, _): throw reader.unsupported("a tensor of texts")
        case (13, _): throw reader.unsupported("a tensor whose data lie in another file; save it with its data")
        case (14, .varint) where field.value != 0:
            throw reader.unsupported("a tensor whose data lie in another file; save it with its data")
        default: break
        }
    }

    private mutating func add(dimension: UInt64) throws(TensorFileError) {
        guard let extent = Int(exactly: dimension), dimensions.count < Self.maximumRank else {
            throw TensorFileError(
                path: file.path, reason: .malformed("an extent is negative, or there are over \(Self.maximumRank)"))
        }
        dimensions.append(extent)
    }

    /// The elements of the typed fields as they lie in a tensor, little-endian.
    ///
    /// - Parameters:
    ///   - type: What they become.
    ///   - byteCount: How many bytes that gives; more are never held.
    /// - Returns: The bytes.
    /// - Throws: `malformed` for another number of elements, and for one that is not of the type.
    func elements(of type: ElementType, byteCount: Int) throws(TensorFileError) -> [UInt8] {
        var elements = TypedElements(type: type, byteCount: byteCount, path: file.path)
        var reader = ProtobufReader(file: file)
        while let field = try reader.next() {
            switch (field.number, field.wire) {
            case (4, .bytes), (4, .fourBytes): try elements.append(field.range, of: file, as: .float32)
            case (10, .bytes), (10, .eightBytes): try elements.append(field.range, of: file, as: .float64)
            case (5, .varint), (7, .varint), (11, .varint): try elements.append(field.value)
            case (5, .bytes), (7, .bytes), (11, .bytes):
                try reader.forEachVarint(in: field.range) { value throws(TensorFileError) in
                    try elements.append(value)
                }
            default: break
            }
        }
        return try elements.finished()
    }
}

/// Elements of a tensor while they are taken from typed fields.
private struct TypedElements {
    let type: ElementType
    let byteCount: Int
    let path: String
    private var bytes: [UInt8] = []
    private let isSigned: Bool

    init(type: ElementType, byteCount: Int, path: String) {
        self.type = type
        self.byteCount = byteCount
        self.path = path
        isSigned = [.int8, .int16, .int32, .int64].contains(type)
    }

    /// Numbers that lie in the file as in a tensor; those of another type are no elements.
    mutating func append(_ range: Range<Int>, of file: InputFile, as type: ElementType) throws(TensorFileError) {
        guard type == self.type else { return }
        try reserve(range.count)
        bytes += try file.bytes(range)
    }

    mutating func append(_ value: UInt64) throws(TensorFileError) {
        guard type != .float32, type != .float64 else { return }
        let width = type.byteCount
        try reserve(width)
        // Negative numbers are written as 64 bits.
        let high = width == 8 ? 0 : Int64(bitPattern: value) >> (8 * width - (isSigned ? 1 : 0))
        guard high == 0 || (isSigned && high == -1) else {
            throw TensorFileError(path: path, reason: .malformed("an element is no \(type)"))
        }
        for shift in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
    }

    private func reserve(_ count: Int) throws(TensorFileError) {
        guard count <= byteCount - bytes.count else {
            throw TensorFileError(path: path, reason: .malformed("it has more elements than its shape"))
        }
    }

    func finished() throws(TensorFileError) -> [UInt8] {
        guard bytes.count == byteCount else {
            throw TensorFileError(
                path: path,
                reason: .malformed("\(bytes.count / type.byteCount) elements do not fill its shape"))
        }
        return bytes
    }
}
