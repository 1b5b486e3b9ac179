#if canImport(Glibc)
import Glibc
#endif

/// A file without a name that grows up to a limit; it vanishes with the last object that reads it, however the process
/// ends.
@safe
public final class TemporaryFile {
    /// What the file holds, for errors.
    public let name: String
    /// Most bytes that it may have.
    public let byteLimit: Int
    /// Number of bytes written so far.
    public private(set) var byteCount = 0
    private let folder: String
    private let descriptor: Int32

    /// Makes an empty file in the folder that `TMPDIR` names, else in `/tmp`.
    ///
    /// - Parameters:
    ///   - name: What the file will hold, for errors.
    ///   - byteLimit: Most bytes that it may have.
    /// - Throws: `system` when no file can be made there.
    public init(name: String, byteLimit: Int) throws(TensorFileError) {
        folder = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        let path = "\(folder)/.tare-\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 16)).tmp"
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .lastSystemError("make a temporary file in \(folder)", path: name) }
        unsafe unlink(path)
        self.name = name
        self.byteLimit = byteLimit
    }

    deinit {
        close(descriptor)
    }

    /// Appends bytes.
    ///
    /// - Returns: Where they lie.
    /// - Throws: `unsupported` when the file would exceed its limit; nothing is written then.
    public func append(_ bytes: [UInt8]) throws(TensorFileError) -> Range<Int> {
        guard bytes.count <= byteLimit - byteCount else {
            throw TensorFileError(
                path: name,
                reason: .unsupported("more than \(byteLimit) bytes of temporary files, the limit (--spool-limit)"))
        }
        var failure: TensorFileError?
        unsafe bytes.withUnsafeBytes { buffer in
            do throws(TensorFileError) {
                try unsafe DescriptorWriting.write(
                    buffer, to: descriptor, path: "\(name), a temporary file in \(folder)")
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        defer { byteCount += bytes.count }
        return byteCount..<byteCount + bytes.count
    }

    /// What was written so far, for reading; it lives on without this object.
    public func reader() throws(TensorFileError) -> InputFile {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw .lastSystemError("read a temporary file in \(folder)", path: name) }
        return InputFile(descriptor: copy, path: name, byteCount: byteCount)
    }
}
