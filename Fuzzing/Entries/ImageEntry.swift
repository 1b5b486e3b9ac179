import Tensors

/// Images; the checksums of PNG files are put right, since they would refuse nearly everything else.
enum ImageEntry {
    private static let pngSignatureByteCount = 8

    /// Reads an image file as it is, and as it is with right checksums.
    static func read(_ bytes: [UInt8]) throws {
        try DatasetEntry.read(bytes)
        let mended = withChecksums(bytes)
        if mended != bytes { try DatasetEntry.read(mended) }
    }

    /// A PNG file whose chunks have the checksums that belong to them; other files as they are.
    private static func withChecksums(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) else { return bytes }
        var bytes = bytes
        var start = pngSignatureByteCount
        // Length, type, content, checksum.
        while start + 12 <= bytes.count {
            let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
            let end = start + 8 + length
            guard end + 4 <= bytes.count else { break }
            let checksum = Deflate.checksum(of: Array(bytes[start + 4..<end]))
            bytes.replaceSubrange(end..<end + 4, with: LittleEndian.bytes(of: checksum.bigEndian))
            start = end + 4
        }
        return bytes
    }
}
