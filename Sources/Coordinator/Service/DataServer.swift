internal import Calibration
internal import Wire

/// Serves blobs and samples and takes uploads; runs on the data thread.
///
/// It keeps no state for a download: a worker asks for the pieces it has room for, so a slow one costs nothing here.
final class DataServer: SocketServer {
    enum Command: Sendable {
        case stop
    }

    private struct UploadKey: Hashable {
        var session: SessionID
        var digest: ContentDigest
    }

    private struct Upload {
        var size: Int
        var bytes: [UInt8] = []
        var lastUse = 0
    }

    private let blobs: any BlobSource
    private let samples: (UInt64) -> StreamedJob?
    private let uploads: UploadStore
    private let uploadLimit: Int
    let access: ClusterAccess
    private let notify: @Sendable (ClusterNotice) -> Void
    /// Uploads under way; the least recently used one is dropped when there are too many bytes.
    private var open: [UploadKey: Upload] = [:]
    private var openBytes = 0
    private var useCount = 0
    private var recentSamples: [(job: UInt64, index: Int, bytes: [UInt8], digest: ContentDigest)] = []
    private var sequence: UInt64 = 0
    /// Sends a packet; set before the loop runs.
    var send: (Packet, PeerAddress) throws -> Void = { _, _ in }
    private(set) var isFinished = false
    let deadline: Duration? = nil

    /// Makes a server.
    ///
    /// - Parameters:
    ///   - blobs: What may be fetched.
    ///   - samples: The samples of a job that are sent, by the job's number.
    ///   - uploads: Takes what was uploaded whole.
    ///   - uploadLimit: How many bytes of uploads may be under way.
    ///   - access: Who may talk.
    ///   - notify: Told of what is refused.
    init(
        blobs: any BlobSource, samples: @escaping (UInt64) -> StreamedJob?, uploads: UploadStore, uploadLimit: Int,
        access: ClusterAccess, notify: @escaping @Sendable (ClusterNotice) -> Void
    ) {
        self.blobs = blobs
        self.samples = samples
        self.uploads = uploads
        self.uploadLimit = uploadLimit
        self.access = access
        self.notify = notify
    }

    func handle(_ command: Command) {
        isFinished = true
    }

    func deadlineReached() {}

    func rejected(_ error: WireError, from peer: PeerAddress?) {
        notify(.rejectedFrame(error.refusal, text: error.description))
    }

    func received(_ packet: Packet, from peer: PeerAddress?) {
        guard let peer else { return }
        let envelope = packet.envelope
        do {
            try access.admission.admit(
                envelope.session, from: peer, needing: envelope.message.kind.neededRoles, isControl: false)
            switch envelope.message {
            case .get(let digest, let offset, let chunks):
                try serve(digest, offset: offset, chunks: chunks, envelope, peer)
            case .sampleRequest(let job, let sample, let offset, let chunks):
                try serve(job: job, sample: sample, offset: offset, chunks: chunks, envelope, peer)
            case .putOpen(let digest, let size): try openUpload(digest, size: size, envelope, peer)
            case .putChunk(let digest, let offset): try take(packet.payload, digest, offset: offset, envelope, peer)
            case .error: break
            default: throw WireError.misplaced(envelope.message.kind)
            }
        } catch {
            answer(.error(text: "\(error)", aboutSequence: envelope.sequence), to: envelope, peer)
        }
    }

    private func answer(_ message: Message, payload: [UInt8] = [], to envelope: Envelope, _ peer: PeerAddress) {
        sequence += 1
        do {
            try send(
                Packet(Envelope(session: envelope.session, sequence: sequence, message: message), payload: payload),
                peer)
        } catch {
            notify(.rejectedFrame(.unsent, text: "An answer could not be sent: \(error)"))
        }
    }

    private func serve(
        _ digest: ContentDigest, offset: Int, chunks: Int, _ envelope: Envelope, _ peer: PeerAddress
    ) throws {
        guard let size = try blobs.size(digest) else { throw DataServerError.unknownBlob(digest) }
        var position = offset
        for _ in 0..<chunks where position < size || (size == 0 && position == 0) {
            let bytes = try blobs.read(digest, offset: position, count: WireLimits.chunkBytes)
            guard bytes.count == min(WireLimits.chunkBytes, size - position) else {
                throw DataServerError.changedBlob(digest)
            }
            answer(.chunk(digest: digest, offset: position, total: size), payload: bytes, to: envelope, peer)
            notify(.measured(.sent(.model, bytes: bytes.count)))
            position += bytes.count
            if size == 0 { break }
        }
    }

    private func serve(
        job: UInt64, sample: Int, offset: Int, chunks: Int, _ envelope: Envelope, _ peer: PeerAddress
    ) throws {
        guard let source = samples(job), sample < source.sampleCount else {
            throw DataServerError.unknownSample(sample)
        }
        let (bytes, digest) = try sampleBytes(sample, of: job, source.samples)
        var position = offset
        for _ in 0..<chunks where position < bytes.count || (bytes.isEmpty && position == 0) {
            let end = min(position + WireLimits.chunkBytes, bytes.count)
            answer(
                .sampleChunk(job: job, sample: sample, offset: position, total: bytes.count, digest: digest),
                payload: Array(bytes[position..<end]), to: envelope, peer)
            notify(.measured(.sent(.samples, bytes: end - position)))
            if bytes.isEmpty { break }
            position = end
        }
    }

    /// Reads a sample; the last few are kept because a large one is asked for in pieces.
    private func sampleBytes(
        _ index: Int, of job: UInt64, _ samples: any SampleByteSource
    ) throws -> ([UInt8], ContentDigest) {
        if let recent = recentSamples.first(where: { $0.job == job && $0.index == index }) {
            return (recent.bytes, recent.digest)
        }
        let bytes = try samples.bytes(ofSample: index)
        guard bytes.count <= WireLimits.sampleBytes else {
            throw WireError.oversize(bytes: bytes.count, limit: WireLimits.sampleBytes)
        }
        let digest = ContentDigest(of: bytes)
        if bytes.count > WireLimits.chunkBytes {
            if recentSamples.count == 8 { recentSamples.removeFirst() }
            recentSamples.append((job, index, bytes, digest))
        }
        return (bytes, digest)
    }

    private func openUpload(_ digest: ContentDigest, size: Int, _ envelope: Envelope, _ peer: PeerAddress) throws {
        guard !uploads.contains(digest) else {
            answer(.putNeed(digest: digest, offset: size, chunks: 0), to: envelope, peer)
            return
        }
        let key = UploadKey(session: envelope.session, digest: digest)
        useCount += 1
        var upload = open[key] ?? Upload(size: size)
        guard upload.size == size else { throw DataServerError.changedSize }
        upload.lastUse = useCount
        open[key] = upload
        if size == 0 {
            try take([], digest, offset: 0, envelope, peer)
            return
        }
        answer(
            .putNeed(digest: digest, offset: upload.bytes.count, chunks: WireLimits.creditChunks), to: envelope, peer)
    }

    private func take(
        _ bytes: [UInt8], _ digest: ContentDigest, offset: Int, _ envelope: Envelope, _ peer: PeerAddress
    ) throws {
        let key = UploadKey(session: envelope.session, digest: digest)
        guard var upload = open.removeValue(forKey: key) else {
            if !uploads.contains(digest) { throw DataServerError.unopened }
            return
        }
        useCount += 1
        upload.lastUse = useCount
        if offset == upload.bytes.count {
            guard upload.bytes.count + bytes.count <= upload.size else {
                openBytes -= upload.bytes.count
                throw DataServerError.changedSize
            }
            upload.bytes += bytes
            openBytes += bytes.count
            notify(.measured(.received(.statistics, bytes: bytes.count)))
        }
        let received = upload.bytes.count
        guard received == upload.size else {
            open[key] = upload
            dropLeastRecentUploads(except: key)
            answer(.putAck(digest: digest, received: received, chunks: WireLimits.creditChunks), to: envelope, peer)
            return
        }
        openBytes -= received
        guard ContentDigest(of: upload.bytes) == digest else { throw DataServerError.wrongDigest }
        uploads.put(upload.bytes, digest: digest)
        answer(.putAck(digest: digest, received: received, chunks: 0), to: envelope, peer)
    }

    private func dropLeastRecentUploads(except key: UploadKey) {
        while openBytes > uploadLimit {
            let oldest = open.filter { $0.key != key }.min { $0.value.lastUse < $1.value.lastUse }
            guard let oldest else { return }
            openBytes -= oldest.value.bytes.count
            open[oldest.key] = nil
        }
    }
}

/// A job whose samples are sent.
struct StreamedJob {
    /// Where the bytes come from.
    var samples: any SampleByteSource
    /// Number of samples.
    var sampleCount: Int
}

/// Why the data socket refuses a request.
enum DataServerError: Error, CustomStringConvertible {
    case unknownBlob(ContentDigest)
    case changedBlob(ContentDigest)
    case unknownSample(Int)
    case changedSize
    case unopened
    case wrongDigest

    var description: String {
        switch self {
        case .unknownBlob(let digest): "The coordinator has no blob \(digest)"
        case .changedBlob(let digest):
            "The file of blob \(digest) changed while the job ran; leave the model alone until then"
        case .unknownSample(let index): "The coordinator does not send sample \(index) of this job"
        case .changedSize: "An upload is longer than it was announced"
        case .unopened: "An upload was not announced"
        case .wrongDigest: "An upload does not have the digest that was announced"
        }
    }
}
