#if canImport(Glibc)
import Glibc
#endif

/// Writes files so that a reader, a crash or a full disk never meets half of one.
///
/// The bytes go to an unnamed file in the same folder (a hidden temporary one where the file system has no unnamed
/// files), reach the disk, and only then take the name; an older file of that name is replaced in the same instant.
public enum AtomicFile {
    /// Writes `bytes` as the whole content of the file at `path`.
    ///
    /// - Throws: A `system` error; the file at `path` is then as it was before, and no other file is left behind.
    public static func write(_ bytes: [UInt8], to path: String) throws(TensorFileError) {
        try write(to: path) { (writer) throws(TensorFileError) in
            try writer.append(bytes)
        }
    }

    /// Writes the file at `path` piece by piece.
    ///
    /// - Throws: A `system` error, or what `body` throws; the file at `path` is then as it was before, and no other file
    ///   is left behind.
    public static func write(
        to path: String, _ body: (AtomicFileWriter) throws(TensorFileError) -> Void
    ) throws(TensorFileError) {
        let writer = try AtomicFileWriter(path: path)
        try body(writer)
        try writer.commit()
    }
}

/// A file that is being written and has no name yet.
public final class AtomicFileWriter {
    /// The name that the file will have.
    public let path: String
    /// Number of bytes written so far.
    public private(set) var byteCount = 0
    private let folder: String
    private let temporaryPath: String
    private let descriptor: Int32
    /// Whether the temporary name exists in the folder.
    private var isNamed: Bool

    fileprivate init(path: String) throws(TensorFileError) {
        self.path = path
        let separator = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let name = separator.map { String(path[path.index(after: $0)...]) } ?? path
        guard !name.isEmpty else {
            throw TensorFileError(path: path, reason: .system(operation: "write the file", code: EISDIR))
        }
        var status = stat()
        if unsafe stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            // A rename would put a file in the place of a device or a pipe.
            throw TensorFileError(path: path, reason: .unsupported("writing to something that is not a regular file"))
        }
        folder = separator.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let unique = UInt64.random(in: .min ... .max)
        // A name may have 255 bytes; a temporary one needs no resemblance to the final one.
        temporaryPath = "\(folder)/.tare-\(getpid())-\(String(unique, radix: 16)).tmp"

        // O_TMPFILE of fcntl.h, a macro that Swift does not see: such a file vanishes with the process.
        let unnamed = 0o20_000_000 | O_DIRECTORY
        var descriptor = unsafe open(folder, unnamed | O_WRONLY | O_CLOEXEC, 0o666)
        isNamed = false
        if descriptor < 0 {
            descriptor = unsafe open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            isNamed = true
        }
        guard descriptor >= 0 else { throw .lastSystemError("create a file in \(folder)", path: path) }
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
        if isNamed { unsafe unlink(temporaryPath) }
    }

    /// Appends bytes.
    public func append(_ bytes: [UInt8]) throws(TensorFileError) {
        var failure: TensorFileError?
        unsafe bytes.withUnsafeBytes { buffer in
            do throws(TensorFileError) { try unsafe append(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Appends the bytes of a tensor.
    public func append(_ storage: TensorStorage) throws(TensorFileError) {
        try unsafe append(storage.bytes)
    }

    private func append(_ buffer: UnsafeRawBufferPointer) throws(TensorFileError) {
        try unsafe DescriptorWriting.write(buffer, to: descriptor, path: path)
        byteCount += buffer.count
    }

    /// Brings the bytes to the disk and gives the file its name.
    fileprivate func commit() throws(TensorFileError) {
        guard fsync(descriptor) == 0 else { throw .lastSystemError("write the file to the disk", path: path) }
        if !isNamed {
            // linkat cannot replace a file, so the temporary name is needed for the moment before the rename.
            let link = unsafe linkat(
                AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, temporaryPath, AT_SYMLINK_FOLLOW)
            guard link == 0 else { throw .lastSystemError("name the file", path: path) }
            isNamed = true
        }
        guard unsafe rename(temporaryPath, path) == 0 else {
            throw .lastSystemError("replace the file", path: path)
        }
        isNamed = false
        let directory = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw .lastSystemError("open the folder \(folder)", path: path) }
        defer { close(directory) }
        // Some network file systems cannot sync a folder (EINVAL); the file itself is on the disk already.
        guard fsync(directory) == 0 || errno == EINVAL else {
            throw .lastSystemError("write the folder \(folder) to the disk", path: path)
        }
    }
}
