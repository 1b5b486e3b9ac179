/// A gzip file of one member.
struct GzipMember {
    /// The two bytes at the start of every gzip file.
    static let magic: [UInt8] = [0x1F, 0x8B]

    /// The inflated size modulo 2^32, as the file has it.
    let byteCountModulo: Int
    private let file: InputFile
    private let compressed: Range<Int>
    private let checksum: UInt32

    private static let fixedHeaderByteCount = 10
    private static let trailerByteCount = 8
    /// Longest header that is read: file name and comment are in it.
    private static let maximumHeaderByteCount = 1 << 17

    /// Reads the header and the trailer.
    init(file: InputFile) throws(TensorFileError) {
        let smallest = Self.fixedHeaderByteCount + Self.trailerByteCount
        guard file.byteCount >= smallest else {
            throw TensorFileError(path: file.path, reason: .truncated(needed: smallest, available: file.byteCount))
        }
        let dataEnd = file.byteCount - Self.trailerByteCount
        let start = try file.bytes(0..<min(dataEnd, Self.maximumHeaderByteCount))
        guard let headerByteCount = Self.headerByteCount(start) else {
            throw TensorFileError(path: file.path, reason: .malformed("the gzip header is damaged"))
        }
        let trailer = LittleEndianBytes(try file.bytes(dataEnd..<file.byteCount))
        self.file = file
        compressed = headerByteCount..<dataEnd
        checksum = UInt32(trailer.uint32(at: 0))
        byteCountModulo = trailer.uint32(at: 4)
    }

    /// The inflated bytes, of which there are `byteCount`.
    func region(byteCount: Int) throws(TensorFileError) -> DeflatedRegion {
        try DeflatedRegion(file: file, compressed: compressed, byteCount: byteCount, checksum: checksum, member: nil)
    }

    /// Where the deflated data start; `nil` when the header is wrong.
    private static func headerByteCount(_ bytes: [UInt8]) -> Int? {
        guard Array(bytes[..<2]) == magic, bytes[2] == 8 else { return nil }
        let flags = bytes[3]
        guard flags & 0xE0 == 0 else { return nil }
        var position = fixedHeaderByteCount
        if flags & 0x04 != 0 {
            guard position + 2 <= bytes.count else { return nil }
            position += 2 + (Int(bytes[position]) | Int(bytes[position + 1]) << 8)
        }
        // The name of the file and a comment, each ended by a zero.
        for flag: UInt8 in [0x08, 0x10] where flags & flag != 0 {
            guard position < bytes.count, let end = bytes[position...].firstIndex(of: 0) else { return nil }
            position = end + 1
        }
        if flags & 0x02 != 0 { position += 2 }
        return position <= bytes.count ? position : nil
    }
}
