internal import Foundation
internal import Glibc
internal import Wire

/// The folder in which the workers of one user on one machine keep what they download, when no other was named.
///
/// It is there as long as one of them runs: the last one to leave removes it.
final class SharedCacheFolder {
    /// The folder.
    let url: URL
    private let lock: FileLock

    /// Opens the folder, making it when it is missing.
    ///
    /// - Parameter parent: Where it lies.
    /// - Throws: `ShardComputationError` when the folder belongs to somebody else or cannot be made.
    init(in parent: URL = FileManager.default.temporaryDirectory) throws {
        url = parent.appending(path: "tare-cache-\(getuid())", directoryHint: .isDirectory)
        while true {
            try Self.makePrivate(url)
            let lock: FileLock
            do {
                lock = try FileLock(url.appending(path: "in-use"))
            } catch {
                // Who left last may have removed the folder in between.
                guard FileManager.default.fileExists(atPath: url.path) else { continue }
                throw error
            }
            try lock.share()
            // Who left last may have removed folder and lock while this one waited.
            guard lock.isInPlace else { continue }
            self.lock = lock
            return
        }
    }

    /// Ends the use; removes the folder when nobody else uses it.
    func leave() throws {
        // From shared to alone: refused while others share it.
        guard try lock.take() else {
            lock.release()
            return
        }
        try FileManager.default.removeItem(at: url)
    }

    private static func makePrivate(_ url: URL) throws {
        // With its mode from the first moment on: Foundation makes it open and closes it afterwards.
        if unsafe mkdir(url.path, 0o700) != 0, errno != EEXIST {
            let reason = unsafe String(cString: strerror(errno))
            throw ShardComputationError(
                .device, "\(url.path) cannot be made (\(reason)); give another --cache-directory")
        }
        // Gone again when the last one of others has left; then the lock cannot be made, and it begins anew.
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: url.path) else { return }
        guard attributes[.type] as? FileAttributeType == .typeDirectory,
            (attributes[.ownerAccountID] as? NSNumber)?.uint32Value == getuid(),
            (attributes[.posixPermissions] as? NSNumber).map({ $0.intValue & 0o077 }) == 0
        else {
            throw ShardComputationError(
                .device, "\(url.path) is not a private folder of this user; remove it, or give a --cache-directory")
        }
    }
}
