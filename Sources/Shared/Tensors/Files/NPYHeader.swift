/// The header of a NumPy array file: element type, extents, byte order and memory order.
public struct NPYHeader: Hashable, Sendable {
    /// The type of each element.
    public let elementType: ElementType
    /// The extents.
    public let shape: Shape
    /// Whether the elements are stored most significant byte first.
    public let isBigEndian: Bool
    /// Whether the first axis varies fastest in the file.
    public let isFortranOrder: Bool
    /// Number of bytes before the first element.
    public let byteCount: Int

    /// Number of bytes of all elements.
    public var dataByteCount: Int { shape.elementCount * elementType.byteCount }

    /// Longest header that is read; arrays of plain numbers need about a hundred bytes.
    public static let maximumByteCount = 65_536

    /// The first bytes of every npy file.
    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// Reads a header (format versions 1, 2 and 3) from the first bytes of an array.
    ///
    /// - Parameters:
    ///   - bytes: The array from its start, at least up to the end of the header or `maximumByteCount` bytes.
    ///   - path: The file, for errors.
    ///   - member: The array in the file, for errors.
    /// - Throws: `malformed`, `truncated`, or `unsupported` (objects, text, complex numbers, structured arrays).
    public init(parsing bytes: [UInt8], path: String, member: String? = nil) throws(TensorFileError) {
        do {
            try self.init(parsing: bytes)
        } catch {
            throw TensorFileError(path: path, member: member, reason: error.reason)
        }
    }

    private struct Failure: Error {
        let reason: TensorFileError.Reason
    }

    private init(parsing bytes: [UInt8]) throws(Failure) {
        let text = try Self.textRange(bytes)
        guard bytes.count >= text.upperBound else {
            throw Failure(reason: .truncated(needed: text.upperBound, available: bytes.count))
        }
        var literal = PythonLiteralScanner(Array(bytes[text]))
        guard let fields = literal.headerFields() else {
            throw Failure(reason: .malformed("the header is not a dictionary of descr, fortran_order and shape"))
        }
        guard let descriptor = fields.descriptor else {
            throw Failure(reason: .unsupported("structured arrays; save each field as an array of its own"))
        }
        (elementType, isBigEndian) = try Self.elementType(descriptor)
        guard let shape = Shape(checking: fields.shape),
            !shape.elementCount.multipliedReportingOverflow(by: elementType.byteCount).overflow
        else {
            throw Failure(reason: .malformed("the shape \(fields.shape) is impossible"))
        }
        self.shape = shape
        isFortranOrder = fields.isFortranOrder
        byteCount = text.upperBound
    }

    /// Number of bytes from which the length of a header can be told.
    public static let startByteCount = 12

    /// Number of bytes of a header.
    ///
    /// - Parameters:
    ///   - bytes: The array from its start, at least `startByteCount` bytes or all.
    ///   - path: The file, for errors.
    /// - Returns: Where the first element begins.
    /// - Throws: As for a whole header.
    public static func byteCount(ofHeaderIn bytes: [UInt8], path: String) throws(TensorFileError) -> Int {
        do {
            return try textRange(bytes).upperBound
        } catch {
            throw TensorFileError(path: path, reason: error.reason)
        }
    }

    /// Where the text of a header lies, which is its end.
    private static func textRange(_ bytes: [UInt8]) throws(Failure) -> Range<Int> {
        guard bytes.count >= 10, bytes[..<6].elementsEqual(magic) else {
            throw Failure(reason: .malformed("it does not start as a .npy array does"))
        }
        let lengthByteCount: Int
        switch (bytes[6], bytes[7]) {
        case (1, 0): lengthByteCount = 2
        case (2, 0), (3, 0): lengthByteCount = 4
        default: throw Failure(reason: .unsupported(".npy format version \(bytes[6]).\(bytes[7])"))
        }
        let start = 8 + lengthByteCount
        guard bytes.count >= start else {
            throw Failure(reason: .truncated(needed: start, available: bytes.count))
        }
        let count = Int(LittleEndianBytes.number(bytes[8..<start]))
        guard count <= maximumByteCount - start else {
            throw Failure(reason: .unsupported("a header of \(count) bytes (structured arrays have such)"))
        }
        return start..<start + count
    }

    /// The element type and byte order of a NumPy type string.
    private static func elementType(_ descriptor: String) throws(Failure) -> (ElementType, isBigEndian: Bool) {
        let order = descriptor.first
        let code = String(descriptor.dropFirst())
        let types: [String: ElementType] = [
            "f4": .float32, "f2": .float16, "f8": .float64, "i1": .int8, "u1": .uint8, "i2": .int16, "u2": .uint16,
            "i4": .int32, "u4": .uint32, "i8": .int64, "u8": .uint64, "b1": .bool,
            // NumPy has no bfloat16; arrays of the ml_dtypes package are saved as two opaque bytes.
            "V2": .bfloat16,
        ]
        guard let type = types[code], let order, "<>|".contains(order) else {
            throw Failure(reason: .unsupported("elements of type '\(descriptor)'; \(remedy(for: code))"))
        }
        if order == "|", type.byteCount > 1, type != .bfloat16 {
            throw Failure(reason: .malformed("the type '\(descriptor)' lacks its byte order"))
        }
        return (type, order == ">" && type.byteCount > 1)
    }

    private static func remedy(for code: String) -> String {
        switch code.first {
        case "O": "Python objects cannot be read; convert the array with astype before saving it"
        case "U", "S", "a": "text cannot be a tensor"
        case "c": "split complex numbers into real and imaginary parts"
        case "M", "m": "convert dates to numbers"
        default: "convert it with astype to a number type of at most 64 bits"
        }
    }

    /// The bytes of a version 1 header for an array in row-major order, little-endian, padded so that the elements
    /// start at a multiple of 64 bytes.
    static func encoded(shape: Shape, elementType: ElementType) -> [UInt8] {
        let extents =
            shape.rank == 1 ? "(\(shape[0]),)" : "(" + shape.dimensions.map(String.init).joined(separator: ", ") + ")"
        let text = "{'descr': '\(descriptor(of: elementType))', 'fortran_order': False, 'shape': \(extents), }"
        let unpadded = 10 + text.utf8.count + 1
        let padding = (64 - unpadded % 64) % 64
        let length = text.utf8.count + padding + 1
        precondition(length <= 0xFFFF, "A shape of rank \(shape.rank) does not fit a version 1 header")
        return magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)]
            + Array(text.utf8) + [UInt8](repeating: 0x20, count: padding) + [0x0A]
    }

    private static func descriptor(of type: ElementType) -> String {
        switch type {
        case .float32: "<f4"
        case .float16: "<f2"
        case .bfloat16: "<V2"
        case .float64: "<f8"
        case .int8: "|i1"
        case .uint8: "|u1"
        case .int16: "<i2"
        case .uint16: "<u2"
        case .int32: "<i4"
        case .uint32: "<u4"
        case .int64: "<i8"
        case .uint64: "<u8"
        case .bool: "|b1"
        }
    }
}
