import Tensors

/// A zip archive that is built in memory.
struct ZIPBuilder {
    private var members: [UInt8] = []
    private var directory: [UInt8] = []
    private var memberCount: UInt16 = 0

    /// Appends a member.
    mutating func append(_ content: [UInt8], name: String, isDeflated: Bool) {
        let stored = isDeflated ? Deflate.compress(content) : content
        let common =
            Self.fields([20, 0, isDeflated ? 8 : 0, 0, 0x21])
            + [Deflate.checksum(of: content), UInt32(stored.count), UInt32(content.count)].flatMap {
                LittleEndian.bytes(of: $0)
            } + Self.fields([UInt16(name.utf8.count), 0])
        directory +=
            [0x50, 0x4B, 1, 2] + Self.fields([20]) + common + Self.fields([0, 0, 0, 0, 0])
            + LittleEndian.bytes(of: UInt32(members.count)) + Array(name.utf8)
        members += [0x50, 0x4B, 3, 4] + common + Array(name.utf8) + stored
        memberCount += 1
    }

    /// The archive with what was appended so far.
    var bytes: [UInt8] {
        members + directory + [0x50, 0x4B, 5, 6] + Self.fields([0, 0, memberCount, memberCount])
            + [directory.count, members.count].flatMap { LittleEndian.bytes(of: UInt32($0)) } + Self.fields([0])
    }

    private static func fields(_ values: [UInt16]) -> [UInt8] {
        values.flatMap { LittleEndian.bytes(of: $0) }
    }
}
