/// Writes a zip archive member by member: no time stamps (all 1980-01-01), so that equal members give equal bytes.
struct ZIPWriter {
    private let writer: AtomicFileWriter
    private var directory: [UInt8] = []
    private var memberCount = 0

    /// What fits no 32-bit field; also the mark for "see the zip64 field".
    private static let large = 0xFFFF_FFFF
    /// 1980-01-01 00:00 in MS-DOS form: the time (0), then the date.
    private static let timestamp: [UInt8] = [0x00, 0x00, 0x21, 0x00]

    init(_ writer: AtomicFileWriter) {
        self.writer = writer
    }

    /// Appends a member.
    ///
    /// - Parameters:
    ///   - name: The name in the archive.
    ///   - method: How the bytes are stored; they are so already.
    ///   - checksum: CRC-32 of the bytes before they were deflated.
    ///   - byteCount: Number of bytes before they were deflated.
    ///   - storedByteCount: Number of bytes as they are stored.
    ///   - alignment: The stored bytes start at a multiple of it.
    ///   - append: Appends exactly these bytes.
    /// - Throws: A `system` error, or `unsupported` for a name that is too long.
    mutating func appendMember(
        name: String, method: ZIPArchive.Method, checksum: UInt32, byteCount: Int, storedByteCount: Int,
        alignment: Int = 1, _ append: (AtomicFileWriter) throws(TensorFileError) -> Void
    ) throws(TensorFileError) {
        let rawName = Array(name.utf8)
        guard rawName.count <= 0xFFFF else {
            throw TensorFileError(path: writer.path, member: name, reason: .unsupported("a name of over 65535 bytes"))
        }
        let offset = writer.byteCount
        let isLarge = byteCount >= Self.large || storedByteCount >= Self.large
        let sizes = isLarge ? Self.extra([byteCount, storedByteCount]) : []
        let common = Self.commonFields(
            method, checksum, isLarge ? Self.large : storedByteCount, isLarge ? Self.large : byteCount, rawName,
            isLarge: isLarge || offset >= Self.large)
        let padding = Self.padding(to: alignment, from: offset + 30 + rawName.count + sizes.count)
        try writer.append(
            [0x50, 0x4B, 0x03, 0x04] + common + Self.two(sizes.count + padding.count) + rawName + sizes + padding)
        let dataStart = writer.byteCount
        try append(writer)
        precondition(writer.byteCount - dataStart == storedByteCount, "A zip member has another size than announced")

        let places = (isLarge ? [byteCount, storedByteCount] : []) + (offset >= Self.large ? [offset] : [])
        let extra = places.isEmpty ? [] : Self.extra(places)
        directory += [0x50, 0x4B, 0x01, 0x02] + Self.two(45) + common + Self.two(extra.count)
        // No comment, first disk, no attributes.
        directory += [UInt8](repeating: 0, count: 10) + Self.four(min(offset, Self.large)) + rawName + extra
        memberCount += 1
    }

    /// Appends the central directory.
    func finish() throws(TensorFileError) {
        let start = writer.byteCount
        try writer.append(directory)
        let end = writer.byteCount
        if memberCount >= 0xFFFF || directory.count >= Self.large || start >= Self.large {
            var record: [UInt8] = [0x50, 0x4B, 0x06, 0x06] + Self.eight(44) + Self.two(45) + Self.two(45)
            record += Self.four(0) + Self.four(0) + Self.eight(memberCount) + Self.eight(memberCount)
            record += Self.eight(directory.count) + Self.eight(start)
            record += [0x50, 0x4B, 0x06, 0x07] + Self.four(0) + Self.eight(end) + Self.four(1)
            try writer.append(record)
        }
        let count = Self.two(min(memberCount, 0xFFFF))
        var record: [UInt8] = [0x50, 0x4B, 0x05, 0x06] + Self.two(0) + Self.two(0) + count + count
        record += Self.four(min(directory.count, Self.large)) + Self.four(min(start, Self.large)) + Self.two(0)
        try writer.append(record)
    }

    /// The fields from "version needed" to "length of the name", the same in both headers.
    private static func commonFields(
        _ method: ZIPArchive.Method, _ checksum: UInt32, _ storedByteCount: Int, _ byteCount: Int, _ rawName: [UInt8],
        isLarge: Bool
    ) -> [UInt8] {
        // Bit 11 of the flags: the name is UTF-8.
        let flags = rawName.allSatisfy { $0 < 0x80 } ? 0 : 0x0800
        return two(isLarge ? 45 : 20) + two(flags) + two(method == .deflated ? 8 : 0) + timestamp
            + four(Int(checksum)) + four(storedByteCount) + four(byteCount) + two(rawName.count)
    }

    /// An extra field (PyTorch's, `FB`) after which the next offset is a multiple of `alignment`.
    private static func padding(to alignment: Int, from offset: Int) -> [UInt8] {
        guard offset % alignment != 0 else { return [] }
        let count = (alignment - (offset + 4) % alignment) % alignment
        return [0x46, 0x42] + two(count) + [UInt8](repeating: 0x5A, count: count)
    }

    /// The zip64 extra field.
    private static func extra(_ values: [Int]) -> [UInt8] {
        two(1) + two(values.count * 8) + values.flatMap { eight($0) }
    }

    private static func two(_ value: Int) -> [UInt8] { LittleEndianBytes.encoded(UInt16(value)) }
    private static func four(_ value: Int) -> [UInt8] { LittleEndianBytes.encoded(UInt32(value)) }
    private static func eight(_ value: Int) -> [UInt8] { LittleEndianBytes.encoded(UInt64(value)) }
}
