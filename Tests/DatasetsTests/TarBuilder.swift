import Tensors

/// Makes tar archives for tests.
struct TarBuilder {
    private(set) var bytes: [UInt8] = []

    /// Adds a member.
    ///
    /// - Parameters:
    ///   - name: Its name, of at most 100 bytes.
    ///   - content: Its bytes.
    ///   - type: The type flag: `0` a file, `2` a link, `5` a folder.
    ///   - size: The size in the header; that of the content when it is `nil`.
    mutating func add(_ name: String, _ content: [UInt8], type: Character = "0", size: Int? = nil) {
        bytes += Self.header(name, byteCount: size ?? content.count, type: type) + content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    /// The whole archive.
    var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    /// The header of a member.
    static func header(_ name: String, byteCount: Int, type: Character = "0") -> [UInt8] {
        func octal(_ value: Int, _ count: Int) -> [UInt8] {
            let digits = String(value, radix: 8)
            return Array((String(repeating: "0", count: count - 1 - digits.count) + digits).utf8) + [0]
        }
        var header = Array(name.utf8) + [UInt8](repeating: 0, count: 100 - name.utf8.count)
        header += octal(0o644, 8) + octal(0, 8) + octal(0, 8) + octal(byteCount, 12) + octal(0, 12)
        header += [UInt8](repeating: 0x20, count: 8) + [type.asciiValue ?? 0]
        header += [UInt8](repeating: 0, count: 100) + Array("ustar\u{0}00".utf8)
        header += [UInt8](repeating: 0, count: 512 - header.count)
        let sum = header.reduce(0) { $0 + Int($1) }
        header.replaceSubrange(148..<156, with: octal(sum, 7) + [0x20])
        return header
    }
}

/// Compressed files for tests.
enum Compressed {
    private static func four(_ value: UInt32) -> [UInt8] {
        [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// A gzip file with a name in its header.
    static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        [0x1F, 0x8B, 8, 0x08, 0, 0, 0, 0, 0, 3] + Array("name\0".utf8) + Deflate.compress(bytes)
            + four(Deflate.checksum(of: bytes)) + four(UInt32(bytes.count))
    }

    /// A Zstandard file of blocks that are stored as they are, and then of `zeroBlocks` blocks of 128 KiB of zeros.
    static func zstandard(_ bytes: [UInt8], zeroBlocks: Int = 0) -> [UInt8] {
        let blockByteCount = 1 << 17
        var result: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x38]
        func header(_ count: Int, type: Int, isLast: Bool) -> [UInt8] {
            let value = count << 3 | type << 1 | (isLast ? 1 : 0)
            return [0, 8, 16].map { UInt8(truncatingIfNeeded: value >> $0) }
        }
        for start in stride(from: 0, to: bytes.count, by: blockByteCount) {
            let part = bytes[start..<min(bytes.count, start + blockByteCount)]
            result += header(part.count, type: 0, isLast: false) + part
        }
        for _ in 0..<zeroBlocks { result += header(blockByteCount, type: 1, isLast: false) + [0] }
        return result + header(0, type: 0, isLast: true)
    }
}
