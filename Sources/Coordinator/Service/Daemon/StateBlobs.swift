internal import Calibration
internal import CoordinatorStore

/// Reads pieces of the state's blobs for the data socket; keeps the last few open.
final class StateBlobs: BlobSource {
    private let store: BlobStore
    /// The most recently used last.
    private var open: [StoredBlob] = []

    private static let openLimit = 16

    init(_ store: BlobStore) {
        self.store = store
    }

    func size(_ digest: ContentDigest) throws -> Int? {
        try blob(digest)?.byteCount
    }

    func read(_ digest: ContentDigest, offset: Int, count: Int) throws -> [UInt8] {
        guard let blob = try blob(digest) else { return [] }
        return try blob.read(
            at: min(offset, blob.byteCount), count: min(count, blob.byteCount - min(offset, blob.byteCount)))
    }

    private func blob(_ digest: ContentDigest) throws -> StoredBlob? {
        if let index = open.firstIndex(where: { $0.digest == digest }) {
            let blob = open.remove(at: index)
            open.append(blob)
            return blob
        }
        guard try store.contains(digest) else { return nil }
        let blob = try store.open(digest)
        if open.count == Self.openLimit { open.removeFirst() }
        open.append(blob)
        return blob
    }
}
