import Tensors

/// The samples of a tar archive in the form of WebDataset: members that follow each other and share a name up to its
/// first dot.
struct TarIndex: Sendable {
    /// The members of one sample.
    struct Sample: Sendable {
        /// What their names share.
        let key: String
        /// Behind the first dot of the name, the format in lower case, and where the bytes lie in `file`; `nil` for bytes that
        /// nobody wanted.
        fileprivate(set) var members: [(suffix: String, range: Range<Int>?)]

        /// Where the bytes of a member lie; `nil` when the sample has none such.
        func range(of suffix: String) -> Range<Int>? {
            members.first { $0.suffix == suffix }?.range
        }
    }

    /// The archive, as the caller named it.
    let path: String
    /// What the ranges are ranges of: the archive, or a temporary file with the wanted members of a compressed one.
    let file: InputFile
    /// Whether `file` is a temporary file.
    let isSpooled: Bool
    /// In the order of the archive.
    let samples: [Sample]
    private let compression: FileFormat
    /// Size of the archive without its compression.
    private let byteCount: Int

    /// A compressed archive of at least `bombByteCount` bytes may be at most this many times as large as its file.
    static let maximumRatio = 1000
    /// Decompressed bytes from which on the ratio is looked at.
    static let bombByteCount = 64 << 20
    /// Most members of an archive.
    static let maximumMemberCount = 1 << 26

    /// Reads an archive once from front to back.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - compression: `gzip`, `zstandard`, or `tar` when it is not compressed.
    ///   - spoolLimit: Most bytes of a compressed archive that are kept in a temporary file.
    ///   - progress: Told how far a compressed archive is.
    ///   - isWanted: Tells by the suffix which members will be read.
    /// - Throws: `malformedFile` for damaged archives, links, names that are no sample's, samples whose members do not
    ///   lie together, and archives that decompress to far more than they should.
    init(
        path: String, compression: FileFormat, spoolLimit: Int, progress: (SpoolProgress) -> Void,
        isWanted: (_ suffix: String) -> Bool
    ) throws(DatasetError) {
        let archive: InputFile
        var spool: TemporaryFile?
        do throws(TensorFileError) {
            archive = try InputFile(path: path)
            if compression != .tar { spool = try TemporaryFile(name: path, byteLimit: spoolLimit) }
        } catch {
            throw .file(error)
        }
        let reader = try TarReader(path: path, compression: compression)
        var builder = Builder(path: path)
        while let member = try reader.next() {
            // Also after each piece of a member.
            func advance() throws(DatasetError) {
                try Self.checkRatio(reader, archive)
                progress(
                    SpoolProgress(
                        name: path, sampleCount: builder.samples.count, byteCount: reader.compressedByteCount,
                        totalByteCount: archive.byteCount))
            }
            if spool != nil { try advance() }
            guard !member.isFolder, let (key, suffix) = try Self.parts(of: member, path: path) else { continue }
            var range: Range<Int>?
            if isWanted(suffix) {
                if let spool {
                    range = try Self.spooled(member, reader, spool, path: path, advance)
                } else {
                    let end = member.offset.addingReportingOverflow(member.byteCount)
                    guard !end.overflow, end.partialValue <= archive.byteCount else {
                        throw .malformedFile(
                            path: path, reason: "it ends within member '\(member.name)'; copy it again")
                    }
                    range = member.offset..<end.partialValue
                }
            }
            try builder.add(key: key, suffix: suffix, range: range)
        }
        self.path = path
        self.compression = compression
        byteCount = reader.byteCount
        samples = builder.samples
        isSpooled = spool != nil
        do throws(TensorFileError) { file = try spool?.reader() ?? archive } catch { throw .file(error) }
    }

    /// Whether a file is a tar archive; a compressed one by what its first bytes decompress to.
    ///
    /// - Throws: `malformedFile` for one that is damaged at its beginning.
    static func isTar(path: String, compression: FileFormat) throws(DatasetError) -> Bool {
        if compression == .tar { return true }
        return try TarReader.isTar(path: path, compression: compression)
    }

    /// Checks the checksum of a gzip file, at which libarchive does not look.
    func verify() throws(DatasetError) {
        guard compression == .gzip else { return }
        do throws(TensorFileError) { try GzipFile.verify(path: path, byteCount: byteCount) } catch {
            throw .file(error)
        }
    }

    /// Copies a member to the temporary file.
    private static func spooled(
        _ member: TarReader.Member, _ reader: TarReader, _ spool: TemporaryFile, path: String,
        _ advance: () throws(DatasetError) -> Void
    ) throws(DatasetError) -> Range<Int> {
        let start = spool.byteCount
        try reader.readPieces { piece throws(DatasetError) in
            try advance()
            do throws(TensorFileError) { _ = try spool.append(piece) } catch { throw .file(error) }
        }
        guard spool.byteCount - start == member.byteCount else {
            throw .malformedFile(
                path: path,
                reason: "member '\(member.name)' has \(spool.byteCount - start) bytes instead of \(member.byteCount)")
        }
        return start..<spool.byteCount
    }

    private static func checkRatio(_ reader: TarReader, _ archive: InputFile) throws(DatasetError) {
        let byteCount = reader.byteCount
        guard byteCount < bombByteCount || byteCount / maximumRatio < max(archive.byteCount, 1) else {
            throw .malformedFile(
                path: archive.path,
                reason:
                    "its \(archive.byteCount) bytes decompress to over \(byteCount), more than \(maximumRatio) times as "
                    + "many: this looks like a decompression bomb; if it is none, decompress it first")
        }
    }

    /// The two parts of a member's name; `nil` for hidden files, which archivers add on their own.
    private static func parts(
        of member: TarReader.Member, path: String
    ) throws(DatasetError) -> (key: String, suffix: String)? {
        let name = member.name
        let base = name.utf8.lastIndex(of: UInt8(ascii: "/")).map { name.index(after: $0) } ?? name.startIndex
        guard !name[base...].hasPrefix(".") else { return nil }
        guard member.isFile else {
            throw .malformedFile(
                path: path, reason: "member '\(name)' is a link or a device; put the file itself into the archive")
        }
        guard let dot = name[base...].firstIndex(of: "."), name.index(after: dot) < name.endIndex else {
            throw .malformedFile(
                path: path,
                reason:
                    "member '\(name)' has no ending that says what it is; name it KEY.jpg, KEY.npy, KEY.cls or the like"
            )
        }
        return (String(name[..<dot]), normalized(suffix: name[name.index(after: dot)...]))
    }

    /// A suffix with its format, which is behind the last dot, in lower case; a name before it stays as it is.
    static func normalized(suffix: some StringProtocol) -> String {
        let format = suffix.lastIndex(of: ".").map { suffix.index(after: $0) } ?? suffix.startIndex
        return String(suffix[..<format]) + suffix[format...].lowercased()
    }

    /// Groups members.
    private struct Builder {
        let path: String
        var samples: [Sample] = []
        private var keys: Set<String> = []
        private var memberCount = 0

        init(path: String) { self.path = path }

        mutating func add(key: String, suffix: String, range: Range<Int>?) throws(DatasetError) {
            memberCount += 1
            guard memberCount <= TarIndex.maximumMemberCount else {
                throw .malformedFile(
                    path: path, reason: "it has over \(TarIndex.maximumMemberCount) members; cut it into several")
            }
            if samples.last?.key == key {
                guard samples[samples.count - 1].members.allSatisfy({ $0.suffix != suffix }) else {
                    throw .malformedFile(path: path, reason: "sample '\(key)' has two members '\(key).\(suffix)'")
                }
                samples[samples.count - 1].members.append((suffix, range))
            } else {
                guard keys.insert(key).inserted else {
                    throw .malformedFile(
                        path: path,
                        reason:
                            "the members of sample '\(key)' do not follow each other; sort the names (tar --sort=name)")
                }
                samples.append(Sample(key: key, members: [(suffix, range)]))
            }
        }
    }
}
