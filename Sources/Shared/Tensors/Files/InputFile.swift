import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A regular file opened for reading at any offset, from any thread.
///
/// Any number of them can be in use: beyond some, those that were opened first are closed, and opened again when they are read.
/// Unlike a mapped file it gives an error, not a signal, when the file shrinks while it is being read.
@safe
public final class InputFile: Sendable {
    /// The file, as the caller named it.
    public let path: String
    /// Size of the file in bytes when it was opened.
    public let byteCount: Int
    /// `nil` for a file without a name, which could not be opened again.
    private let identity: OpenFile.Identity?
    private let current: Mutex<Current>

    /// The file while it is open.
    private struct Current {
        /// Set when it must stay open.
        var kept: OpenFile?
        /// `nil` when others were opened since.
        weak var recent: OpenFile?
    }

    /// Opens a regular file.
    public init(path: String) throws(TensorFileError) {
        let (file, identity) = try OpenFile.open(path)
        self.path = path
        self.identity = identity
        byteCount = identity.byteCount
        current = Mutex(Current(kept: nil, recent: file))
        RecentlyOpenedFiles.keep(file)
    }

    /// Takes over an open file.
    ///
    /// - Parameters:
    ///   - descriptor: Of the file, which the new object closes.
    ///   - path: What the file is, for errors.
    ///   - byteCount: How many bytes of it are there.
    init(descriptor: Int32, path: String, byteCount: Int) {
        self.path = path
        self.byteCount = byteCount
        identity = nil
        current = Mutex(Current(kept: OpenFile(descriptor: descriptor), recent: nil))
    }

    deinit {
        if let file = current.withLock({ $0.recent }) { RecentlyOpenedFiles.drop(file) }
    }

    /// The open file; one that was closed in favour of others is opened again.
    private func opened() throws(TensorFileError) -> OpenFile {
        try current.withLock { current throws(TensorFileError) in
            if let file = current.kept ?? current.recent { return file }
            let (file, identity) = try OpenFile.open(path)
            guard identity == self.identity else { throw TensorFileError(path: path, reason: .replaced) }
            current.recent = file
            RecentlyOpenedFiles.keep(file)
            return file
        }
    }

    /// Reads the bytes `range` of the file.
    ///
    /// - Throws: `truncated` when the range ends after the file; nothing is allocated then.
    public func bytes(_ range: Range<Int>) throws(TensorFileError) -> [UInt8] {
        try check(range)
        var failure: TensorFileError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            do throws(TensorFileError) {
                try unsafe fill(
                    UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: range.count), at: range.lowerBound)
                count = range.count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads the bytes `range` of the file into new storage.
    ///
    /// - Throws: `truncated` when the range ends after the file; nothing is allocated then.
    public func storage(_ range: Range<Int>) throws(TensorFileError) -> TensorStorage {
        try check(range)
        let storage = TensorStorage(uninitializedByteCount: range.count)
        try unsafe fill(storage.mutableBytes, at: range.lowerBound)
        return storage
    }

    /// Reads the whole file in pieces of at most `pieceByteCount` bytes, front to back.
    public func forEachPiece(
        pieceByteCount: Int = 1 << 20, _ body: ([UInt8]) -> Void
    ) throws(TensorFileError) {
        var offset = 0
        while offset < byteCount {
            let end = min(byteCount, offset + pieceByteCount)
            body(try bytes(offset..<end))
            offset = end
        }
    }

    /// Lends the file descriptor.
    func withDescriptor<Result>(_ body: (Int32) -> Result) throws(TensorFileError) -> Result {
        let file = try opened()
        return withExtendedLifetime(file) { body(file.descriptor) }
    }

    private func check(_ range: Range<Int>) throws(TensorFileError) {
        guard range.lowerBound >= 0, range.upperBound <= byteCount else {
            throw TensorFileError(
                path: path, reason: .truncated(needed: range.count, available: max(0, byteCount - range.lowerBound)))
        }
    }

    /// Fills the buffer completely from `offset` on.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(TensorFileError) {
        let file = try opened()
        defer { withExtendedLifetime(file) {} }
        var done = 0
        while done < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = unsafe pread(file.descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw .lastSystemError("read the file", path: path)
            }
            guard count > 0 else {
                // The file shrank after it was opened.
                throw TensorFileError(path: path, reason: .truncated(needed: buffer.count, available: done))
            }
            done += count
        }
    }
}
