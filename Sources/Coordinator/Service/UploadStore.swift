internal import Calibration
internal import Synchronization

/// Statistics that were uploaded and not yet merged, in bounded memory.
final class UploadStore: Sendable {
    private struct State {
        var blobs: [ContentDigest: [UInt8]] = [:]
        var order: [ContentDigest] = []
        var byteCount = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    func contains(_ digest: ContentDigest) -> Bool {
        state.withLock { $0.blobs[digest] != nil }
    }

    /// Keeps bytes; drops the oldest ones when there are too many, whose workers will be asked to send them again.
    func put(_ bytes: [UInt8], digest: ContentDigest) {
        state.withLock { state in
            guard state.blobs[digest] == nil else { return }
            state.blobs[digest] = bytes
            state.order.append(digest)
            state.byteCount += bytes.count
            while state.byteCount > limit, state.order.count > 1 {
                state.byteCount -= state.blobs.removeValue(forKey: state.order.removeFirst())?.count ?? 0
            }
        }
    }

    /// The bytes of an upload, `nil` when it is not here.
    func bytes(_ digest: ContentDigest) -> [UInt8]? {
        state.withLock { $0.blobs[digest] }
    }

    /// Lets go of an upload.
    func discard(_ digest: ContentDigest) {
        _ = take(digest)
    }

    /// Takes bytes out.
    func take(_ digest: ContentDigest) -> [UInt8]? {
        state.withLock { state in
            guard let bytes = state.blobs.removeValue(forKey: digest) else { return nil }
            state.order.removeAll { $0 == digest }
            state.byteCount -= bytes.count
            return bytes
        }
    }
}
