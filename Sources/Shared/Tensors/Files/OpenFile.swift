import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// An open file, closed with the last object that holds it.
final class OpenFile: Sendable {
    /// What a file is like when it is opened, so that another one of its name is noticed.
    struct Identity: Hashable, Sendable {
        private let device: UInt
        private let number: UInt
        /// In bytes.
        let byteCount: Int
        private let seconds: Int
        private let nanoseconds: Int

        init(_ status: stat) {
            device = status.st_dev
            number = status.st_ino
            byteCount = Int(status.st_size)
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
        }
    }

    let descriptor: Int32

    /// Takes over a descriptor.
    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Opens a regular file.
    static func open(_ path: String) throws(TensorFileError) -> (file: OpenFile, identity: Identity) {
        // O_NONBLOCK keeps a named pipe from blocking the open; it has no effect on regular files.
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .lastSystemError("open the file", path: path) }
        let file = OpenFile(descriptor: descriptor)
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw .lastSystemError("read the size of the file", path: path)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TensorFileError(path: path, reason: .unsupported("this is not a regular file"))
        }
        return (file, Identity(status))
    }
}

/// The files that were opened last.
///
/// Only these stay open, so that more files than a process may open can be in use.
enum RecentlyOpenedFiles {
    /// Far below the 1024 descriptors that systems usually allow a process: connections need some too.
    static let limit = 128

    private static let files = Mutex<[OpenFile]>([])

    /// Keeps a file open until `limit` others were opened after it.
    static func keep(_ file: OpenFile) {
        // What is dropped is closed outside of the lock.
        let dropped = files.withLock { files in
            files.append(file)
            return files.count > limit ? files.removeFirst() : nil
        }
        withExtendedLifetime(dropped) {}
    }

    /// Closes a file that nobody will read any more.
    static func drop(_ file: OpenFile) {
        files.withLock { files in
            if let place = files.lastIndex(where: { $0 === file }) { files.remove(at: place) }
        }
    }
}
