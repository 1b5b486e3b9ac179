internal import Glibc

/// Tells damage in SQLite's write-ahead log from the torn end that a crash leaves.
///
/// SQLite ends the log at the first frame whose checksum is wrong, whatever follows. After a crash that is the last
/// transaction, which nobody was told of. But a transaction is written only when the one before it is on the disk, so
/// a wrong frame with a whole transaction and the beginning of another one behind it was on the disk once: somebody
/// changed it, and acknowledged shards would silently vanish.
struct WriteAheadLog {
    private static let headerBytes = 32
    private static let frameHeaderBytes = 24

    private let file: PosixFile
    private let size: Int
    private let isBigEndian: Bool
    private let pageBytes: Int
    private let salt: [UInt8]
    private let headerChecksum: Checksum
    private let isHeaderValid: Bool

    /// Opens a log; `nil` when there is none or it holds nothing.
    init?(path: String) throws(SystemFailure) {
        guard let status = try FileSystem.status(path), status.size > Self.headerBytes else { return nil }
        file = try PosixFile(path, flags: O_RDONLY, operation: "open")
        size = try file.size()
        let header = try file.read(at: 0, count: Self.headerBytes)
        let magic = Self.word(header, 0)
        isBigEndian = magic & 1 == 1
        pageBytes = Int(Self.word(header, 8))
        salt = Array(header[16..<24])
        headerChecksum = Checksum(header, 24)
        var checksum = Checksum()
        checksum.add(header[..<24], bigEndian: isBigEndian)
        isHeaderValid =
            magic & ~1 == 0x377f_0682 && checksum == headerChecksum && (512...65536).contains(pageBytes)
            && pageBytes.nonzeroBitCount == 1
    }

    /// The offset of a frame that was changed after it was written; `nil` when the log is whole or merely torn.
    func damagedOffset() throws(SystemFailure) -> Int? {
        // The header is written and synced before the first frame; 32 bytes within a sector do not tear.
        guard isHeaderValid else { return 0 }
        let frameBytes = Self.frameHeaderBytes + pageBytes
        var previous = headerChecksum
        var wrong: Int?
        var isCommitBehindWrong = false
        for offset in stride(from: Self.headerBytes, through: size - frameBytes, by: frameBytes) {
            let frame = try file.read(at: offset, count: frameBytes)
            guard frame.count == frameBytes else { break }
            let stored = Checksum(frame, 16)
            let isValid = frame[8..<16].elementsEqual(salt) && checksum(of: frame, after: previous) == stored
            // The checksum of a frame includes that of the one before it, so the stored one tells even behind a wrong one.
            previous = stored
            if let wrong {
                if isValid, isCommitBehindWrong { return wrong }
                if isValid, Self.word(frame, 4) != 0 { isCommitBehindWrong = true }
            } else if !isValid {
                wrong = offset
            }
        }
        return nil
    }

    private func checksum(of frame: [UInt8], after previous: Checksum) -> Checksum {
        var checksum = previous
        checksum.add(frame[..<8], bigEndian: isBigEndian)
        checksum.add(frame[Self.frameHeaderBytes...], bigEndian: isBigEndian)
        return checksum
    }

    /// The number at an offset, the highest byte first.
    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The two sums of SQLite's log format.
    private struct Checksum: Equatable {
        var first: UInt32 = 0
        var second: UInt32 = 0

        init() {}

        init(_ bytes: [UInt8], _ offset: Int) {
            first = WriteAheadLog.word(bytes, offset)
            second = WriteAheadLog.word(bytes, offset + 4)
        }

        mutating func add(_ bytes: ArraySlice<UInt8>, bigEndian: Bool) {
            var index = bytes.startIndex
            while index < bytes.endIndex {
                first &+= Self.word(bytes, index, bigEndian) &+ second
                second &+= Self.word(bytes, index + 4, bigEndian) &+ first
                index += 8
            }
        }

        private static func word(_ bytes: ArraySlice<UInt8>, _ index: Int, _ bigEndian: Bool) -> UInt32 {
            let (a, b) = (UInt32(bytes[index]), UInt32(bytes[index + 1]))
            let (c, d) = (UInt32(bytes[index + 2]), UInt32(bytes[index + 3]))
            return bigEndian ? a << 24 | b << 16 | c << 8 | d : d << 24 | c << 16 | b << 8 | a
        }
    }
}
