public import Calibration
internal import Glibc

/// A blob that arrives in pieces, which survive a restart of the coordinator.
///
/// For one thread at a time.
public final class BlobUpload {
    /// Digest that the bytes have to have.
    public let digest: ContentDigest
    /// Number of bytes in all.
    public let size: Int
    /// Number of bytes that are there; the next piece starts here.
    public private(set) var received = 0

    private let claim: UploadClaim
    private let file: PosixFile
    private var accumulator = ContentDigest.Accumulator()
    private var isFinished = false
    private var store: BlobStore { claim.store }

    init(claim: UploadClaim, size: Int, path: String) throws(StateStoreError) {
        digest = claim.digest
        self.size = size
        self.claim = claim
        let store = claim.store
        file = try store.run { () throws(SystemFailure) in
            try PosixFile(path, flags: O_RDWR | O_CREAT, operation: "create")
        }
        try resume()
    }

    /// Digests what an earlier upload left.
    private func resume() throws(StateStoreError) {
        let kept = try store.run { () throws(SystemFailure) in try file.size() }
        guard kept <= size else {
            try restart()
            return
        }
        while received < kept {
            let piece = try store.run { () throws(SystemFailure) in
                try file.read(at: received, count: min(BlobStore.pieceBytes, kept - received))
            }
            guard !piece.isEmpty else { break }
            accumulator.append(piece)
            received += piece.count
        }
    }

    /// Adds the next bytes.
    ///
    /// - Throws: `refused(.sizeMismatch)` when they are too many; `full` when there is no room: the same piece may be sent
    ///   again.
    public func append(_ piece: [UInt8]) throws(StateStoreError) {
        guard piece.count <= size - received else {
            throw .refused(.sizeMismatch(digest, expected: size, found: received + piece.count))
        }
        try store.run { () throws(SystemFailure) in try file.write(piece, at: received) }
        accumulator.append(piece)
        received += piece.count
    }

    /// Makes the blob durable under its digest.
    ///
    /// - Throws: `refused(.sizeMismatch)` when bytes are missing; `refused(.digestMismatch)` after which the upload starts
    ///   from its first byte.
    public func finish() throws(StateStoreError) {
        guard !isFinished else { return }
        guard received == size else {
            throw .refused(.sizeMismatch(digest, expected: size, found: received))
        }
        let found = accumulator.digest()
        guard found == digest else {
            try restart()
            throw .refused(.digestMismatch(expected: digest, found: found))
        }
        try store.run { () throws(SystemFailure) in try store.publish(file, as: digest) }
        isFinished = true
    }

    private func restart() throws(StateStoreError) {
        try store.run { () throws(SystemFailure) in try file.truncate(to: 0) }
        accumulator = ContentDigest.Accumulator()
        received = 0
    }
}

/// The right to upload a blob; it ends with the last reference.
final class UploadClaim: Sendable {
    let digest: ContentDigest
    let store: BlobStore

    init(digest: ContentDigest, store: BlobStore) {
        self.digest = digest
        self.store = store
    }

    deinit { store.endUpload(digest) }
}
