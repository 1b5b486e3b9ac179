public import Calibration
internal import Glibc
internal import Synchronization

/// Files under the SHA-256 of their content: models, documents, results.
///
/// A blob has its name only when all its bytes are on the disk; a crash leaves either the whole blob or none. Nothing is
/// ever changed under a name.
public final class BlobStore: Sendable {
    /// Bytes that are copied at a time.
    static let pieceBytes = 1 << 20

    private let directory: String
    private let uploadDirectory: String
    private let lowWaterBytes: Int
    private let latch: FailureLatch
    private let uploads = Mutex<Set<ContentDigest>>([])
    private let temporaryNumber = Atomic<UInt64>(0)

    init(directory: String, lowWaterBytes: Int, latch: FailureLatch) throws(StateStoreError) {
        self.directory = directory + "/blobs"
        uploadDirectory = directory + "/uploads"
        self.lowWaterBytes = lowWaterBytes
        self.latch = latch
        try latch.run { () throws(SystemFailure) in
            try FileSystem.makeDirectory(self.directory)
            try FileSystem.makeDirectory(uploadDirectory)
            try clean()
        }
    }

    /// Removes what a crash left half written, and brings every name to the disk: a blob that is seen is then durable.
    private func clean() throws(SystemFailure) {
        for name in try FileSystem.names(in: uploadDirectory) where name.hasSuffix(".tmp") {
            try FileSystem.remove("\(uploadDirectory)/\(name)")
        }
        for name in try FileSystem.names(in: directory) {
            try FileSystem.synchronizeDirectory("\(directory)/\(name)")
        }
        try FileSystem.synchronizeDirectory(directory)
    }

    // MARK: Reading

    /// Whether a blob is here.
    public func contains(_ digest: ContentDigest) throws(StateStoreError) -> Bool {
        try size(digest) != nil
    }

    /// The size of a blob in bytes, `nil` when it is not here.
    public func size(_ digest: ContentDigest) throws(StateStoreError) -> Int? {
        try latch.run { () throws(SystemFailure) in try FileSystem.status(path(digest))?.size }
    }

    /// Opens a blob.
    ///
    /// - Throws: `refused(.missingBlobs)` when it is not here.
    public func open(_ digest: ContentDigest) throws(StateStoreError) -> StoredBlob {
        guard try contains(digest) else { throw .refused(.missingBlobs([digest])) }
        return try latch.run { () throws(SystemFailure) in
            let file = try PosixFile(path(digest), flags: O_RDONLY, operation: "open")
            return StoredBlob(digest: digest, byteCount: try file.size(), file: file, latch: latch)
        }
    }

    /// All bytes of a blob, compared with its digest.
    ///
    /// - Throws: `damaged` when the file has other bytes than were written.
    public func bytes(_ digest: ContentDigest) throws(StateStoreError) -> [UInt8] {
        let blob = try open(digest)
        let bytes = try blob.read(at: 0, count: blob.byteCount)
        guard ContentDigest(of: bytes) == digest else {
            throw .damaged(file: path(digest), reason: "its bytes do not have the digest of its name")
        }
        return bytes
    }

    // MARK: Writing

    /// Keeps bytes.
    ///
    /// - Returns: Their digest, when they are durable.
    /// - Throws: `full` when there is no room.
    public func put(_ bytes: [UInt8]) throws(StateStoreError) -> ContentDigest {
        let digest = ContentDigest(of: bytes)
        if try contains(digest) { return digest }
        try checkSpace(for: bytes.count)
        Failpoint.hit(.blobBeforeWrite)
        let temporary = temporaryPath()
        try latch.run { () throws(SystemFailure) in
            try removingOnFailure(temporary) { (file) throws(SystemFailure) in
                try file.write(bytes, at: 0)
                try publish(file, as: digest)
            }
        }
        return digest
    }

    /// Keeps a copy of a file in bounded memory.
    ///
    /// - Parameters:
    ///   - source: Path of the file.
    ///   - expected: Digest that the file has to have.
    /// - Returns: Its digest, when the copy is durable.
    /// - Throws: `refused(.digestMismatch)`; `full` when there is no room; `broken` when the file cannot be read.
    public func ingest(
        file source: String, expecting expected: ContentDigest? = nil
    ) throws(StateStoreError) -> ContentDigest {
        if let expected, try contains(expected) { return expected }
        // A source that cannot be read says nothing about the store: it is no reason to end it.
        let (input, size): (PosixFile, Int)
        do {
            input = try PosixFile(source, flags: O_RDONLY, operation: "open")
            size = try input.size()
        } catch {
            throw StateStoreError(error)
        }
        try checkSpace(for: size)
        Failpoint.hit(.blobBeforeWrite)
        let temporary = temporaryPath()
        var refusal: StateStoreError?
        let digest = try latch.run { () throws(SystemFailure) -> ContentDigest? in
            try removingOnFailure(temporary) { (file) throws(SystemFailure) -> ContentDigest? in
                let digest: ContentDigest
                switch try copy(input, to: file) {
                case .success(let found): digest = found
                case .failure(let failure):
                    refusal = StateStoreError(failure)
                    try FileSystem.remove(temporary)
                    return nil
                }
                guard expected == nil || digest == expected else {
                    refusal = .refused(.digestMismatch(expected: expected ?? digest, found: digest))
                    try FileSystem.remove(temporary)
                    return nil
                }
                try publish(file, as: digest)
                return digest
            }
        }
        if let refusal { throw refusal }
        guard let digest else { preconditionFailure("A copy without a digest and without a reason") }
        return digest
    }

    /// Copies a file; a source that cannot be read is a result, a copy that cannot be written is thrown.
    private func copy(
        _ input: PosixFile, to output: PosixFile
    ) throws(SystemFailure) -> Result<ContentDigest, SystemFailure> {
        var (accumulator, offset) = (ContentDigest.Accumulator(), 0)
        while true {
            let piece: [UInt8]
            do {
                piece = try input.read(at: offset, count: Self.pieceBytes)
            } catch {
                return .failure(error)
            }
            guard !piece.isEmpty else { return .success(accumulator.digest()) }
            try output.write(piece, at: offset)
            accumulator.append(piece)
            offset += piece.count
        }
    }

    /// Starts or resumes an upload.
    ///
    /// - Returns: A writer that says how many bytes are there already; it gives the blob to nobody else until it is gone.
    /// - Throws: `full` when there is no room; `refused(.uploadInProgress)`.
    public func upload(_ digest: ContentDigest, size: Int) throws(StateStoreError) -> BlobUpload {
        guard size >= 0 else { throw .refused(.malformed("A blob of \(size) bytes")) }
        guard uploads.withLock({ $0.insert(digest).inserted }) else { throw .refused(.uploadInProgress(digest)) }
        let claim = UploadClaim(digest: digest, store: self)
        let upload = try BlobUpload(
            claim: claim, size: size, path: "\(uploadDirectory)/\(digest.hexadecimal).partial")
        try checkSpace(for: size - upload.received)
        return upload
    }

    /// Removes blobs and unfinished uploads that nobody names and that are older than `age` seconds.
    ///
    /// - Returns: How many files were removed.
    @discardableResult
    func removeUnreferenced(
        keeping referenced: Set<ContentDigest>, olderThan age: Int, now: Int
    ) throws(StateStoreError) -> Int {
        try latch.run { () throws(SystemFailure) in
            var removed = 0
            for folder in try FileSystem.names(in: directory).map({ "\(directory)/\($0)" }) + [uploadDirectory] {
                for name in try FileSystem.names(in: folder) {
                    let digest = ContentDigest(hexadecimal: String(name.prefix(2 * ContentDigest.byteCount)))
                    if let digest, folder != uploadDirectory, referenced.contains(digest) { continue }
                    guard let status = try FileSystem.status("\(folder)/\(name)"), !status.isDirectory,
                        now - status.modified >= age
                    else { continue }
                    try FileSystem.remove("\(folder)/\(name)")
                    removed += 1
                }
            }
            return removed
        }
    }

    // MARK: Parts

    /// Refuses to write below the low-water mark, so that decisions can still be recorded.
    func availableBytes() throws(StateStoreError) -> Int {
        try latch.run { () throws(SystemFailure) in try FileSystem.availableBytes(directory) }
    }

    func checkSpace(for byteCount: Int) throws(StateStoreError) {
        let available = try latch.run { () throws(SystemFailure) in try FileSystem.availableBytes(directory) }
        guard available >= lowWaterBytes, available - lowWaterBytes >= byteCount else {
            throw .full(
                path: directory,
                reason: "\(available) bytes are free, \(byteCount) are needed and \(lowWaterBytes) are kept free")
        }
    }

    func path(_ digest: ContentDigest) -> String {
        let name = digest.hexadecimal
        return "\(directory)/\(name.prefix(2))/\(name)"
    }

    private func temporaryPath() -> String {
        let number = temporaryNumber.add(1, ordering: .relaxed).newValue
        return "\(uploadDirectory)/\(getpid())-\(number).tmp"
    }

    private func removingOnFailure<Value>(
        _ path: String, _ body: (PosixFile) throws(SystemFailure) -> Value
    ) throws(SystemFailure) -> Value {
        let file = try PosixFile(path, flags: O_RDWR | O_CREAT | O_TRUNC, operation: "create")
        do {
            return try body(file)
        } catch {
            // The first failure is the one to tell; what stays is removed at the next start.
            try? FileSystem.remove(path)
            throw error
        }
    }

    /// Gives a complete file the name of its digest, durably.
    func publish(_ file: PosixFile, as digest: ContentDigest) throws(SystemFailure) {
        Failpoint.hit(.blobBeforeSync)
        try file.synchronize()
        Failpoint.hit(.blobBeforeRename)
        let path = path(digest)
        let folder = String(path.dropLast(2 * ContentDigest.byteCount + 1))
        if try FileSystem.status(folder) == nil {
            try FileSystem.makeDirectory(folder)
            try FileSystem.synchronizeDirectory(directory)
        }
        try FileSystem.rename(file.path, to: path)
        Failpoint.hit(.blobAfterRename)
        try FileSystem.synchronizeDirectory(folder)
        Failpoint.hit(.blobAfterSync)
    }

    func run<Value>(_ body: () throws(SystemFailure) -> Value) throws(StateStoreError) -> Value {
        try latch.run(body)
    }

    func endUpload(_ digest: ContentDigest) {
        uploads.withLock { _ = $0.remove(digest) }
    }
}

/// A blob that is open for reading; it can be read to its end even if it is removed meanwhile.
public final class StoredBlob: Sendable {
    /// SHA-256 of the bytes.
    public let digest: ContentDigest
    /// Number of bytes.
    public let byteCount: Int
    private let file: PosixFile
    private let latch: FailureLatch

    init(digest: ContentDigest, byteCount: Int, file: PosixFile, latch: FailureLatch) {
        self.digest = digest
        self.byteCount = byteCount
        self.file = file
        self.latch = latch
    }

    /// Up to `count` bytes from `offset` on; fewer only at the end.
    ///
    /// The reader compares the whole with the digest.
    public func read(at offset: Int, count: Int) throws(StateStoreError) -> [UInt8] {
        guard offset >= 0, count >= 0 else { throw .refused(.malformed("\(count) bytes at \(offset)")) }
        let rest = max(0, byteCount - offset)
        return try latch.run { () throws(SystemFailure) in try file.read(at: offset, count: min(count, rest)) }
    }
}
