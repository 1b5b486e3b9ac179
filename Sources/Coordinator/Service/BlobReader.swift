internal import Calibration
internal import Foundation

/// Blobs that workers and clients may fetch; used by one thread.
protocol BlobSource: AnyObject {
    /// The size of a blob in bytes, `nil` when it is not here.
    func size(_ digest: ContentDigest) throws -> Int?
    /// Up to `count` bytes of a blob from `offset` on.
    func read(_ digest: ContentDigest, offset: Int, count: Int) throws -> [UInt8]
}

/// Reads pieces of a job's blobs from memory and files.
final class BlobReader: BlobSource {
    private enum Source {
        case bytes([UInt8])
        case file(FileHandle, size: Int)
    }

    /// Looked up by digest, never iterated.
    private var sources: [ContentDigest: Source] = [:]
    /// What is made while the job runs.
    private let inputs: RoundInputs?

    /// Opens the files of blobs.
    ///
    /// - Throws: An error that names a file that cannot be opened.
    init(_ blobs: [Blob], inputs: RoundInputs? = nil) throws {
        self.inputs = inputs
        for blob in blobs {
            switch blob.content {
            case .bytes(let bytes): sources[blob.digest] = .bytes(bytes)
            case .file(let url):
                let handle = try FileHandle(forReadingFrom: url)
                sources[blob.digest] = .file(handle, size: Int(try handle.seekToEnd()))
            }
        }
    }

    func size(_ digest: ContentDigest) -> Int? {
        switch sources[digest] {
        case .bytes(let bytes): bytes.count
        case .file(_, let size): size
        case nil: inputs?.bytes(digest)?.count
        }
    }

    func read(_ digest: ContentDigest, offset: Int, count: Int) throws -> [UInt8] {
        switch sources[digest] {
        case .bytes(let bytes): return Array(bytes[min(offset, bytes.count)..<min(offset + count, bytes.count)])
        case .file(let handle, _):
            try handle.seek(toOffset: UInt64(offset))
            return Array(try handle.read(upToCount: count) ?? Data())
        case nil:
            guard let bytes = inputs?.bytes(digest) else { return [] }
            return Array(bytes[min(offset, bytes.count)..<min(offset + count, bytes.count)])
        }
    }
}
