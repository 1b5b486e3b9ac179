/// Tar archives; the checksums of their headers are put right, since they would refuse nearly everything else.
enum TarEntry {
    private static let blockByteCount = 512
    private static let checksumRange = 148..<156
    private static let magic = 257..<262

    /// Reads an archive as it is, and as it is with right checksums.
    static func read(_ bytes: [UInt8]) throws {
        try DatasetEntry.read(bytes)
        let mended = withChecksums(bytes)
        if mended != bytes { try DatasetEntry.read(mended) }
    }

    /// The archive with the right sum in every block that looks like a header.
    private static func withChecksums(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for start in stride(from: 0, to: bytes.count - blockByteCount + 1, by: blockByteCount) {
            guard bytes[start + magic.lowerBound..<start + magic.upperBound].elementsEqual("ustar".utf8) else {
                continue
            }
            let field = start + checksumRange.lowerBound..<start + checksumRange.upperBound
            bytes.replaceSubrange(field, with: [UInt8](repeating: 0x20, count: field.count))
            let sum = String(bytes[start..<start + blockByteCount].reduce(0) { $0 + Int($1) }, radix: 8)
            let digits = String(repeating: "0", count: 6 - sum.count) + sum
            bytes.replaceSubrange(field, with: Array(digits.utf8) + [0, 0x20])
        }
        return bytes
    }
}
