internal import Foundation
internal import Glibc

/// A system call that failed.
struct SystemFailure: Error, Hashable {
    var operation: String
    var path: String
    var code: Int32

    init(_ operation: String, path: String, code: Int32 = errno) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    var reason: String { unsafe String(cString: strerror(code)) }

    /// Whether the call may work later: a full disk, a used up quota, too many open files.
    var isTemporary: Bool { [ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM].contains(code) }
}

/// An open file; closed with the last reference.
final class PosixFile: Sendable {
    let path: String
    private let descriptor: Int32

    init(_ path: String, flags: Int32, operation: String) throws(SystemFailure) {
        let descriptor = unsafe open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemFailure(operation, path: path) }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Writes all bytes at an offset.
    func write(_ bytes: [UInt8], at offset: Int) throws(SystemFailure) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(
                    descriptor, UnsafeRawBufferPointer(rebasing: buffer[done...]).baseAddress, buffer.count - done,
                    offset + done)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemFailure("write", path: path)
            }
            done += count
        }
    }

    /// Up to `count` bytes from an offset on; fewer only at the end of the file.
    func read(at offset: Int, count: Int) throws(SystemFailure) -> [UInt8] {
        var failure: SystemFailure?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while initialized < count {
                let part = UnsafeMutableRawBufferPointer(buffer)
                let step = unsafe pread(
                    descriptor, part.baseAddress?.advanced(by: initialized), count - initialized, offset + initialized)
                if step < 0 {
                    if errno == EINTR { continue }
                    failure = SystemFailure("read", path: path)
                    return
                }
                if step == 0 { return }
                initialized += step
            }
        }
        if let failure { throw failure }
        return bytes
    }

    func size() throws(SystemFailure) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw SystemFailure("measure", path: path) }
        return Int(status.st_size)
    }

    func truncate(to size: Int) throws(SystemFailure) {
        guard ftruncate(descriptor, size) == 0 else { throw SystemFailure("shorten", path: path) }
    }

    /// Brings everything to the disk.
    func synchronize() throws(SystemFailure) {
        guard fsync(descriptor) == 0 else { throw SystemFailure("write to the disk", path: path) }
    }

    /// Takes the exclusive lock of the file.
    ///
    /// A child that this process or another starts holds every descriptor of its parent until it has become another
    /// program, so a lock that was just given up can look taken for a moment; only one that stays taken is.
    ///
    /// - Returns: Whether nobody else has it.
    func lock() throws(SystemFailure) -> Bool {
        for _ in 0..<Self.lockAttempts {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            guard errno == EWOULDBLOCK || errno == EINTR else { throw SystemFailure("lock", path: path) }
            usleep(Self.lockPauseMicroseconds)
        }
        return false
    }

    private static let lockAttempts = 50
    private static let lockPauseMicroseconds: UInt32 = 10_000
}

/// Folders, names and free space.
enum FileSystem {
    struct Status {
        var size: Int
        var modified: Int
        var isDirectory: Bool
    }

    /// What stands under a name, `nil` for nothing.
    static func status(_ path: String) throws(SystemFailure) -> Status? {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw SystemFailure("look at", path: path)
        }
        return Status(
            size: Int(status.st_size), modified: status.st_mtim.tv_sec,
            isDirectory: status.st_mode & S_IFMT == S_IFDIR)
    }

    /// Makes a folder that only this user may enter, unless there is one.
    static func makeDirectory(_ path: String) throws(SystemFailure) {
        guard unsafe mkdir(path, 0o700) != 0 else { return }
        let failure = SystemFailure("make the folder", path: path)
        guard failure.code == EEXIST, try status(path)?.isDirectory ?? false else { throw failure }
    }

    /// Brings the names in a folder to the disk.
    static func synchronizeDirectory(_ path: String) throws(SystemFailure) {
        let directory = try PosixFile(path, flags: O_RDONLY | O_DIRECTORY, operation: "open the folder")
        do {
            try directory.synchronize()
        } catch {
            // Some network file systems cannot sync a folder; they order names themselves.
            guard error.code == EINVAL else { throw error }
        }
    }

    static func rename(_ old: String, to new: String) throws(SystemFailure) {
        guard unsafe Glibc.rename(old, new) == 0 else { throw SystemFailure("name", path: new) }
    }

    /// Removes a file, if there is one.
    static func remove(_ path: String) throws(SystemFailure) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw SystemFailure("remove", path: path) }
    }

    /// The names in a folder, in order.
    static func names(in path: String) throws(SystemFailure) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw SystemFailure("list", path: path, code: EIO)
        }
    }

    /// Bytes that this user may still write in the file system of a folder.
    static func availableBytes(_ path: String) throws(SystemFailure) -> Int {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else { throw SystemFailure("measure the free space of", path: path) }
        return Int(clamping: status.f_bavail.multipliedReportingOverflow(by: UInt(status.f_frsize)).partialValue)
    }
}
