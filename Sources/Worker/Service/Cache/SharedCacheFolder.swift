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
            let lock = try FileLock(url.appending(path: "in-use"))
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
        let attributes: [FileAttributeKey: Any]
        do {
            try FileManager.default.createDirectory(
                at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            attributes = try FileManager.default.attributesOfItem(atPath: url.path)
        } catch {
            throw ShardComputationError(
                .device, "\(url.path) cannot be made (\(error.localizedDescription)); give another --cache-directory")
        }
        guard attributes[.type] as? FileAttributeType == .typeDirectory,
            (attributes[.ownerAccountID] as? NSNumber)?.uint32Value == getuid(),
            (attributes[.posixPermissions] as? NSNumber).map({ $0.intValue & 0o077 }) == 0
        else {
            throw ShardComputationError(
                .device, "\(url.path) is not a private folder of this user; remove it, or give a --cache-directory")
        }
    }
}
