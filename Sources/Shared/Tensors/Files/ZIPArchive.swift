/// The members of a zip file, read from its central directory (zip64 included).
struct ZIPArchive: Sendable {
    /// How a member is stored.
    enum Method: Hashable, Sendable {
        case stored
        case deflated
    }

    /// One file in the archive.
    struct Member: Hashable, Sendable {
        let name: String
        let method: Method
        /// CRC-32 of the inflated bytes.
        let checksum: UInt32
        let compressedByteCount: Int
        let byteCount: Int
        let localHeaderOffset: Int
        /// The name as it stands in the file.
        let rawName: [UInt8]
    }

    let file: InputFile
    /// In the order of the central directory.
    let members: [Member]
    /// Where the central directory starts: every member ends before it.
    private let directoryOffset: Int

    private static let endRecordByteCount = 22
    private static let entryByteCount = 46
    private static let localHeaderByteCount = 30

    private struct Directory {
        var offset: Int
        var byteCount: Int
        var entryCount: Int
    }

    /// Reads the central directory of a file.
    init(file: InputFile) throws(TensorFileError) {
        self.file = file
        let directory = try Self.locateDirectory(file)
        let available = file.byteCount - directory.offset
        guard directory.offset >= 0, directory.byteCount <= available,
            directory.entryCount <= directory.byteCount / Self.entryByteCount
        else {
            throw Self.malformed(file, "the central directory does not fit the file")
        }
        directoryOffset = directory.offset
        members = try Self.readMembers(file, directory)
        try Self.checkLayout(members, file, directory)
    }

    /// Where in the file the (possibly deflated) bytes of a member lie.
    func range(of member: Member) throws(TensorFileError) -> Range<Int> {
        let offset = member.localHeaderOffset
        let header = LittleEndianBytes(try file.bytes(offset..<offset + Self.localHeaderByteCount))
        guard header.uint32(at: 0) == 0x0403_4B50 else {
            throw TensorFileError(
                path: file.path, member: member.name, reason: .malformed("its local header is missing"))
        }
        let nameByteCount = header.uint16(at: 26)
        let start = offset + Self.localHeaderByteCount + nameByteCount + header.uint16(at: 28)
        guard start + member.compressedByteCount <= directoryOffset else {
            throw TensorFileError(
                path: file.path, member: member.name,
                reason: .truncated(needed: member.compressedByteCount, available: max(0, directoryOffset - start)))
        }
        let nameStart = offset + Self.localHeaderByteCount
        guard try file.bytes(nameStart..<nameStart + nameByteCount) == member.rawName else {
            throw TensorFileError(
                path: file.path, member: member.name, reason: .malformed("its local header has another name"))
        }
        return start..<start + member.compressedByteCount
    }

    /// Finds the end record, which may be followed by a comment, and through it the directory.
    private static func locateDirectory(_ file: InputFile) throws(TensorFileError) -> Directory {
        let tailStart = max(0, file.byteCount - endRecordByteCount - 0xFFFF)
        let tail = LittleEndianBytes(try file.bytes(tailStart..<file.byteCount))
        var position = tail.bytes.count - endRecordByteCount
        while position >= 0 {
            if tail.bytes[position] == 0x50, tail.uint32(at: position) == 0x0605_4B50,
                position + endRecordByteCount + tail.uint16(at: position + 20) == tail.bytes.count
            {
                break
            }
            position -= 1
        }
        guard position >= 0 else {
            throw malformed(file, "no end of a zip archive was found")
        }
        let disks = [4, 6].map { tail.uint16(at: position + $0) }
        let directory = Directory(
            offset: tail.uint32(at: position + 16), byteCount: tail.uint32(at: position + 12),
            entryCount: tail.uint16(at: position + 10))
        if directory.offset == 0xFFFF_FFFF || directory.byteCount == 0xFFFF_FFFF || directory.entryCount == 0xFFFF {
            if let large = try locateLargeDirectory(file, endRecordOffset: tailStart + position) { return large }
        }
        guard disks == [0, 0], tail.uint16(at: position + 8) == directory.entryCount else {
            throw TensorFileError(path: file.path, reason: .unsupported("a zip archive in several parts"))
        }
        return directory
    }

    /// The directory by the zip64 records before the end record; `nil` when there are none.
    private static func locateLargeDirectory(
        _ file: InputFile, endRecordOffset: Int
    ) throws(TensorFileError) -> Directory? {
        guard endRecordOffset >= 20 else { return nil }
        let locator = LittleEndianBytes(try file.bytes(endRecordOffset - 20..<endRecordOffset))
        guard locator.uint32(at: 0) == 0x0706_4B50 else { return nil }
        guard let offset = locator.uint64(at: 8), offset <= endRecordOffset - 20 - 56 else {
            throw malformed(file, "the zip64 end record lies outside the file")
        }
        let record = LittleEndianBytes(try file.bytes(offset..<offset + 56))
        guard record.uint32(at: 0) == 0x0606_4B50, record.uint32(at: 16) == 0, record.uint32(at: 20) == 0,
            let count = record.uint64(at: 32), record.uint64(at: 24) == count,
            let byteCount = record.uint64(at: 40), let start = record.uint64(at: 48), start <= offset
        else {
            throw malformed(file, "the zip64 end record is damaged")
        }
        return Directory(offset: start, byteCount: byteCount, entryCount: count)
    }

    private static func readMembers(
        _ file: InputFile, _ directory: Directory
    ) throws(TensorFileError) -> [Member] {
        let bytes = LittleEndianBytes(try file.bytes(directory.offset..<directory.offset + directory.byteCount))
        var members: [Member] = []
        var names: Set<String> = []
        var position = 0
        for _ in 0..<directory.entryCount {
            guard position + entryByteCount <= directory.byteCount, bytes.uint32(at: position) == 0x0201_4B50 else {
                throw malformed(file, "the central directory is damaged")
            }
            let nameEnd = position + entryByteCount + bytes.uint16(at: position + 28)
            let extraEnd = nameEnd + bytes.uint16(at: position + 30)
            let next = extraEnd + bytes.uint16(at: position + 32)
            guard next <= directory.byteCount else {
                throw malformed(file, "the central directory is damaged")
            }
            let rawName = Array(bytes.bytes[position + entryByteCount..<nameEnd])
            guard let name = String(validating: rawName, as: UTF8.self) else {
                throw malformed(file, "the name of a member is not UTF-8")
            }
            let member = try readMember(
                file, name, rawName, bytes, at: position, extra: Array(bytes.bytes[nameEnd..<extraEnd]))
            guard names.insert(name).inserted else {
                throw malformed(file, "two members are named '\(name)'")
            }
            members.append(member)
            position = next
        }
        return members
    }

    private static func readMember(
        _ file: InputFile, _ name: String, _ rawName: [UInt8], _ bytes: LittleEndianBytes, at position: Int,
        extra: [UInt8]
    ) throws(TensorFileError) -> Member {
        func failure(_ reason: TensorFileError.Reason) -> TensorFileError {
            TensorFileError(path: file.path, member: name, reason: reason)
        }
        guard bytes.uint16(at: position + 8) & 0x2041 == 0 else { throw failure(.unsupported("encrypted members")) }
        let method: Method
        switch bytes.uint16(at: position + 10) {
        case 0: method = .stored
        case 8: method = .deflated
        case let number: throw failure(.unsupported("zip compression method \(number); save it stored or deflated"))
        }
        var fields = [
            bytes.uint32(at: position + 24), bytes.uint32(at: position + 20), bytes.uint32(at: position + 42),
        ]
        guard replaceLargeFields(&fields, extra: LittleEndianBytes(extra)) else {
            throw failure(.malformed("its zip64 sizes are missing or impossible"))
        }
        guard method == .deflated || fields[0] == fields[1] else {
            throw failure(.malformed("it is stored, but its two sizes differ"))
        }
        return Member(
            name: name, method: method, checksum: UInt32(bytes.uint32(at: position + 16)),
            compressedByteCount: fields[1], byteCount: fields[0], localHeaderOffset: fields[2], rawName: rawName)
    }

    /// Takes the fields (size, compressed size, offset) that are all ones from the zip64 extra field, in this order.
    private static func replaceLargeFields(_ fields: inout [Int], extra: LittleEndianBytes) -> Bool {
        guard fields.contains(0xFFFF_FFFF) else { return true }
        var position = 0
        while position + 4 <= extra.bytes.count {
            let end = position + 4 + extra.uint16(at: position + 2)
            guard end <= extra.bytes.count else { return false }
            if extra.uint16(at: position) == 1 {
                position += 4
                for index in fields.indices where fields[index] == 0xFFFF_FFFF {
                    guard position + 8 <= end, let value = extra.uint64(at: position) else { return false }
                    fields[index] = value
                    position += 8
                }
                return true
            }
            position = end
        }
        return false
    }

    /// Refuses members that lie outside the file or over each other.
    private static func checkLayout(
        _ members: [Member], _ file: InputFile, _ directory: Directory
    ) throws(TensorFileError) {
        var end = 0
        for member in members.sorted(by: { $0.localHeaderOffset < $1.localHeaderOffset }) {
            let dataStart = member.localHeaderOffset.addingReportingOverflow(
                localHeaderByteCount + member.rawName.count)
            let memberEnd = dataStart.partialValue.addingReportingOverflow(member.compressedByteCount)
            guard member.localHeaderOffset >= end, !dataStart.overflow, !memberEnd.overflow,
                memberEnd.partialValue <= directory.offset
            else {
                throw TensorFileError(
                    path: file.path, member: member.name,
                    reason: .malformed("it lies outside the file or over another member"))
            }
            end = memberEnd.partialValue
        }
    }

    private static func malformed(_ file: InputFile, _ detail: String) -> TensorFileError {
        TensorFileError(path: file.path, reason: .malformed(detail))
    }
}
