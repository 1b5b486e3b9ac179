/// Named tensors in the safetensors format: a JSON header, then the elements.
///
/// Read strictly: duplicate names, overlapping tensors, holes, wrong lengths and oversized headers are refused. Written
/// canonically: the same tensors and metadata give the same bytes.
public struct Safetensors: Sendable {
    /// The tensors by name.
    ///
    /// Tensors of a mapped file share its pages.
    public let tensors: [String: Tensor]
    /// The text of the `__metadata__` entry; empty when there is none.
    public let metadata: [String: String]

    /// Longest header that is read or written, in bytes; the limit of the reference implementation.
    public static let maximumHeaderByteCount = 100_000_000
    static let metadataKey = "__metadata__"

    /// Makes a value to be written.
    public init(tensors: [String: Tensor], metadata: [String: String] = [:]) {
        self.tensors = tensors
        self.metadata = metadata
    }

    /// Opens a file; its tensors are read from the mapped file when they are touched.
    public init(path: String) throws(TensorFileError) {
        try self.init(storage: MappedFile(path: path).storage, name: path)
    }

    /// Reads the bytes of a file.
    ///
    /// - Parameters:
    ///   - bytes: A whole safetensors file.
    ///   - name: What the bytes are, for errors.
    /// - Throws: `truncated`, `malformed`, or `unsupported` (element types of 8-bit floats and the like).
    public init(decoding bytes: [UInt8], name: String) throws(TensorFileError) {
        try self.init(storage: TensorStorage(copying: bytes), name: name)
    }

    /// Reads the bytes of a file; the tensors share them.
    public init(storage: TensorStorage, name: String) throws(TensorFileError) {
        let headerByteCount = try SafetensorsLayout.headerByteCount(
            start: TensorStorage(part: 0..<min(8, storage.byteCount), of: storage).copyBytes(),
            fileByteCount: storage.byteCount, name: name)
        let layout = try SafetensorsLayout(
            header: TensorStorage(part: 8..<8 + headerByteCount, of: storage).copyBytes(),
            dataByteCount: storage.byteCount - 8 - headerByteCount, name: name)
        let data = TensorStorage(part: 8 + headerByteCount..<storage.byteCount, of: storage)
        metadata = layout.metadata
        var tensors: [String: Tensor] = [:]
        for entry in layout.entries {
            tensors[entry.name] = try ElementReordering.tensor(
                from: TensorStorage(part: entry.range, of: data), shape: entry.shape, elementType: entry.elementType,
                path: name, member: entry.name)
        }
        self.tensors = tensors
    }

    /// The canonical bytes of the tensors and metadata.
    ///
    /// The header lists the metadata first and the tensors in ascending byte order of their names, and is padded with
    /// spaces to a multiple of 8 bytes. The elements lie in the order of descending element size, then name, so that each tensor
    /// is aligned to its element size.
    ///
    /// - Throws: `unsupported` for a tensor named `__metadata__` and for a header over `maximumHeaderByteCount`.
    public func encoded() throws(TensorFileError) -> [UInt8] {
        let header = try encodedHeader(path: "safetensors bytes")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(header.count + tensors.values.reduce(0) { $0 + $1.byteCount })
        bytes += header
        for (_, tensor) in dataOrder { unsafe tensor.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) } }
        return bytes
    }

    /// Writes the canonical bytes to a file.
    public func write(to path: String) throws(TensorFileError) {
        let header = try encodedHeader(path: path)
        try AtomicFile.write(to: path) { (writer) throws(TensorFileError) in
            try writer.append(header)
            for (_, tensor) in dataOrder { try writer.append(tensor.storage) }
        }
    }

    private var nameOrder: [(name: String, tensor: Tensor)] {
        tensors.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { ($0.key, $0.value) }
    }

    private var dataOrder: [(name: String, tensor: Tensor)] {
        let groups = nameOrder
        return [8, 4, 2, 1].flatMap { width in groups.filter { $0.tensor.elementType.byteCount == width } }
    }

    private func encodedHeader(path: String) throws(TensorFileError) -> [UInt8] {
        guard tensors[Self.metadataKey] == nil else {
            throw TensorFileError(
                path: path, member: Self.metadataKey, reason: .unsupported("this name is the format's own; use another")
            )
        }
        var offsets: [String: Range<Int>] = [:]
        var end = 0
        for (name, tensor) in dataOrder {
            offsets[name] = end..<end + tensor.byteCount
            end += tensor.byteCount
        }
        var entries: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
            entries.append("\(Self.quoted(Self.metadataKey)):{\(pairs.joined(separator: ","))}")
        }
        for (name, tensor) in nameOrder {
            guard let range = offsets[name] else { continue }
            let extents = tensor.shape.dimensions.map(String.init).joined(separator: ",")
            entries.append(
                "\(Self.quoted(name)):{\"dtype\":\"\(Self.typeName(tensor.elementType))\",\"shape\":[\(extents)],"
                    + "\"data_offsets\":[\(range.lowerBound),\(range.upperBound)]}")
        }
        var text = Array("{\(entries.joined(separator: ","))}".utf8)
        text += [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8)
        guard text.count <= Self.maximumHeaderByteCount else {
            throw TensorFileError(path: path, reason: .unsupported("a header of \(text.count) bytes"))
        }
        return LittleEndianBytes.encoded(UInt64(text.count)) + text
    }

    /// A JSON string.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// The element type that a header calls `name`; `nil` when Tare has none such.
    static func elementType(_ name: String) -> ElementType? {
        ElementType.allCases.first { typeName($0) == name }
    }

    private static func typeName(_ type: ElementType) -> String {
        switch type {
        case .float32: "F32"
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .float64: "F64"
        case .int8: "I8"
        case .uint8: "U8"
        case .int16: "I16"
        case .uint16: "U16"
        case .int32: "I32"
        case .uint32: "U32"
        case .int64: "I64"
        case .uint64: "U64"
        case .bool: "BOOL"
        }
    }
}
