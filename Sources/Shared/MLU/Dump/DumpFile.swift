internal import Tensors

#if canImport(Glibc)
import Glibc
#endif

/// A file of a dump while it is written: it has its name only once it is whole.
///
/// Unlike an `AtomicFile` it is not forced to the disk, because a dump has many thousand files.
final class DumpFile {
    private let path: String
    private let unfinishedPath: String
    private var descriptor: Int32
    private let storage: DumpStorage

    /// Opens the file under a hidden name beside the final one.
    init(path: String, storage: DumpStorage) throws(DumpError) {
        self.path = path
        self.storage = storage
        let separator = path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex
        unfinishedPath = "\(path[..<separator]).\(path[separator...]).unfinished"
        descriptor = unsafe open(unfinishedPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(path, "make the file") }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unsafe unlink(unfinishedPath)
    }

    /// Appends the first `count` bytes of a buffer.
    func append(_ bytes: [UInt8], _ count: Int) throws(DumpError) {
        var done = 0
        while done < count {
            let written = storage.write(descriptor, bytes, done..<count)
            if written < 0 {
                if errno == EINTR { continue }
                throw Self.failure(path, "write the file")
            }
            done += written
        }
    }

    /// Gives the file its name.
    func finish() throws(DumpError) {
        // Some network file systems say only now that the disk is full.
        let status = close(descriptor)
        let code = errno
        descriptor = -1
        guard status == 0 || code == EINTR else {
            unsafe unlink(unfinishedPath)
            throw Self.failure(path, "write the file", code)
        }
        guard unsafe rename(unfinishedPath, path) == 0 else {
            let code = errno
            unsafe unlink(unfinishedPath)
            throw Self.failure(path, "name the file", code)
        }
    }

    private static func failure(_ path: String, _ operation: String, _ code: Int32 = errno) -> DumpError {
        .file(TensorFileError(path: path, reason: .system(operation: operation, code: code)))
    }
}

/// How bytes reach a file, so that a test can have a full disk.
struct DumpStorage: Sendable {
    /// Writes a part of the bytes; gives how many it wrote, or -1 and sets `errno`.
    var write: @Sendable (_ descriptor: Int32, _ bytes: [UInt8], _ range: Range<Int>) -> Int

    /// The file system.
    static let system = DumpStorage { descriptor, bytes, range in
        unsafe bytes.withUnsafeBytes { buffer in
            let part = unsafe UnsafeRawBufferPointer(rebasing: buffer[range])
            return unsafe Glibc.write(descriptor, part.baseAddress, part.count)
        }
    }
}
