internal import Foundation
internal import Glibc
internal import Wire

/// A lock on a file, held by one process or shared by several; it ends with this object or the process.
final class FileLock {
    private let url: URL
    private let descriptor: Int32

    /// Opens the lock's file, making it when it is missing.
    ///
    /// - Throws: `ShardComputationError` that names the file.
    init(_ url: URL) throws {
        self.url = url
        descriptor = unsafe open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(url, errno) }
    }

    deinit {
        close(descriptor)
    }

    /// Takes the lock alone unless somebody has it.
    ///
    /// - Returns: Whether it was free.
    /// - Throws: `ShardComputationError` when the file system has no locks.
    func take() throws -> Bool {
        try lock(LOCK_EX | LOCK_NB)
    }

    /// Takes the lock together with others who share it; waits for somebody who has it alone.
    ///
    /// - Throws: `ShardComputationError` when the file system has no locks.
    func share() throws {
        _ = try lock(LOCK_SH)
    }

    /// Gives the lock back.
    func release() {
        _ = flock(descriptor, LOCK_UN)
    }

    /// Whether the file still has its name: who held the lock before may have removed it.
    var isInPlace: Bool {
        var (own, named) = (stat(), stat())
        guard unsafe fstat(descriptor, &own) == 0, unsafe stat(url.path, &named) == 0 else { return false }
        return own.st_ino == named.st_ino && own.st_dev == named.st_dev
    }

    private func lock(_ operation: Int32) throws -> Bool {
        while flock(descriptor, operation) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: return false
            default: throw Self.failure(url, errno)
            }
        }
        return true
    }

    private static func failure(_ url: URL, _ code: Int32) -> ShardComputationError {
        let reason = unsafe String(cString: strerror(code))
        return ShardComputationError(
            .device, "\(url.path) cannot be locked (\(reason)); give a --cache-directory on a local disk")
    }
}
