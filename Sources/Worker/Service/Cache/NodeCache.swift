internal import Calibration
internal import Foundation
internal import Glibc
internal import Wire

/// Files under their digests, shared by the workers of one machine: each file is downloaded once, by whichever worker
/// needs it first, while the others wait for it.
///
/// Layout: `blobs/DIGEST` for whole files, `blobs/DIGEST.partial` for what has arrived of others, `blobs/DIGEST.lock` for
/// the worker that downloads, `jobs/NAME/PATH` for files under the names that a model gives them (links to blobs).
struct NodeCache: Sendable {
    private let blobs: URL
    private let jobs: URL

    /// Pause between two looks at a file that another worker downloads.
    private static let patience: Duration = .milliseconds(100)

    /// Opens a cache, making its folders when they are missing.
    ///
    /// - Throws: `ShardComputationError` that names the folder.
    init(directory: URL) throws {
        blobs = directory.appending(path: "blobs", directoryHint: .isDirectory)
        jobs = directory.appending(path: "jobs", directoryHint: .isDirectory)
        for folder in [blobs, jobs] {
            do {
                try FileManager.default.createDirectory(
                    at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw Self.unusable(folder, error)
            }
        }
    }

    /// How the rest of a file is fetched: from an offset on, in order, each piece given to the sink.
    typealias Download = (_ offset: Int, _ sink: (_ piece: [UInt8]) throws -> Void) throws -> Void

    /// The path of a whole and verified file; downloads what is missing of it.
    ///
    /// - Parameters:
    ///   - digest: SHA-256 of the file.
    ///   - byteCount: Size of the file.
    ///   - wait: Called while another worker downloads the file; what it throws ends the waiting.
    ///   - download: Fetches the rest.
    /// - Returns: The path.
    /// - Throws: `ShardComputationError` when the cache cannot be written or the bytes are others than the digest says.
    func file(
        _ digest: ContentDigest, byteCount: Int, wait: () throws -> Void, download: Download
    ) throws -> URL {
        let url = blobs.appending(path: digest.hexadecimal, directoryHint: .notDirectory)
        if Self.size(of: url) == byteCount { return url }
        let lock = try FileLock(url.appendingPathExtension("lock"))
        while try !lock.take() {
            try wait()
            Thread.sleep(forTimeInterval: Self.patience / .seconds(1))
        }
        // Another worker may have finished it in the meantime.
        if Self.size(of: url) == byteCount { return url }
        let partial = url.appendingPathExtension("partial")
        do {
            try complete(partial, digest: digest, byteCount: byteCount, download: download)
            try FileManager.default.moveItem(at: partial, to: url)
        } catch let error as CocoaError {
            throw Self.unusable(partial, error)
        }
        // The lock is held to here.
        return withExtendedLifetime(lock) { url }
    }

    /// Puts blobs under the names that a model gives its files.
    ///
    /// - Parameters:
    ///   - name: Names the folder.
    ///   - files: Path below the folder and blob of each file.
    /// - Returns: The folder.
    /// - Throws: `ShardComputationError` when the cache cannot be written.
    func folder(_ name: String, files: [(path: String, blob: URL)]) throws -> URL {
        let folder = jobs.appending(path: name, directoryHint: .isDirectory)
        for (path, blob) in files {
            let url = folder.appending(path: path, directoryHint: .notDirectory)
            do {
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try FileManager.default.linkItem(at: blob, to: url)
            } catch let error as CocoaError where error.code == .fileWriteFileExists {
                continue
            } catch {
                throw Self.unusable(url, error)
            }
        }
        return folder
    }

    /// Goes on where an earlier download stopped, and checks the whole.
    private func complete(_ partial: URL, digest: ContentDigest, byteCount: Int, download: Download) throws {
        let handle = try Self.openForAppending(partial)
        defer { try? handle.close() }
        var accumulator = ContentDigest.Accumulator()
        var count = 0
        while count < byteCount, let piece = try handle.read(upToCount: min(1 << 20, byteCount - count)),
            !piece.isEmpty
        {
            accumulator.append(Array(piece))
            count += piece.count
        }
        try handle.truncate(atOffset: UInt64(count))
        if count < byteCount || byteCount == 0 {
            try download(count) { piece in
                count += piece.count
                guard count <= byteCount else {
                    throw ShardComputationError(.internal, "The blob \(digest) is longer than the job says")
                }
                accumulator.append(piece)
                try handle.write(contentsOf: piece)
            }
        }
        guard count == byteCount, accumulator.digest() == digest else {
            // What is there is of no use for the next attempt either.
            try? FileManager.default.removeItem(at: partial)
            throw ShardComputationError(.internal, "The blob \(digest) came with other bytes than its digest says")
        }
        // The name stands for the whole file, so the bytes have to be on the disk before it does.
        try handle.synchronize()
    }

    private static func openForAppending(_ url: URL) throws -> FileHandle {
        if !FileManager.default.fileExists(atPath: url.path),
            !FileManager.default.createFile(atPath: url.path, contents: nil, attributes: [.posixPermissions: 0o600])
        {
            throw unusable(url, CocoaError(.fileWriteNoPermission))
        }
        return try FileHandle(forUpdating: url)
    }

    private static func size(of url: URL) -> Int? {
        try? url.resourceValues(forKeys: [.fileSizeKey]).fileSize
    }

    private static func unusable(_ url: URL, _ error: any Error) -> ShardComputationError {
        ShardComputationError(
            .device, "\(url.path) cannot be written (\(error.localizedDescription)); give another --cache-directory")
    }
}
