internal import Calibration
internal import Wire

/// The worker's end of the data socket: fetches blobs and samples and uploads statistics, on the computing thread.
///
/// Every request names what the worker has room for, so memory stays bounded on both sides; what does not come within a
/// time is asked for again.
final class DataClient {
    /// How long to wait for an answer before asking again.
    static let patience: Duration = .seconds(2)

    let session: SessionID
    private let socket: ZeroMQSocket
    private let interrupt: Interrupt
    private var sequence: UInt64 = 0
    private var unsent: [[[UInt8]]] = []
    /// Takes what arrives; returns whether it was what is being waited for.
    private var download: Download?
    private var upload: Upload?
    private(set) var streams: SampleStreams
    private(set) var bytesTransferred = 0

    private struct Download {
        var digest: ContentDigest
        var received = 0
        var requested = 0
        var total: Int?
        var pieces: [[UInt8]] = []
        var failure: String?
        var firstSequence: UInt64
    }

    private struct Upload {
        var digest: ContentDigest
        var acknowledged = 0
        var sent = 0
        var allowed = 0
        var isComplete = false
        var failure: String?
        var firstSequence: UInt64
    }

    init(endpoint: Endpoint, security: SocketSecurity, session: SessionID, interrupt: Interrupt) throws {
        self.session = session
        self.interrupt = interrupt
        socket = try ZeroMQSocket(.dealer, .data, security: security)
        try socket.connect(endpoint)
        streams = SampleStreams()
    }

    // MARK: Blobs

    /// Fetches a blob and checks its digest.
    ///
    /// - Parameters:
    ///   - digest: SHA-256 of the blob.
    ///   - sink: Takes the pieces in order.
    /// - Throws: What the sink throws, and errors that name the blob when it cannot be fetched or has another digest.
    func fetch(_ digest: ContentDigest, sink: ([UInt8]) throws -> Void) throws {
        var accumulator = ContentDigest.Accumulator()
        try fetch(digest, from: 0) { piece in
            accumulator.append(piece)
            try sink(piece)
        }
        guard accumulator.digest() == digest else {
            throw ShardComputationError(.internal, "The blob \(digest) came with other bytes than its digest says")
        }
    }

    /// Fetches the end of a blob; the digest of the whole is the caller's to check.
    ///
    /// - Parameters:
    ///   - digest: SHA-256 of the blob.
    ///   - offset: Bytes of it that are not wanted.
    ///   - sink: Takes the pieces in order.
    /// - Throws: What the sink throws, and errors that name the blob when it cannot be fetched.
    func fetch(_ digest: ContentDigest, from offset: Int, sink: ([UInt8]) throws -> Void) throws {
        download = Download(digest: digest, received: offset, requested: offset, firstSequence: sequence + 1)
        defer { download = nil }
        try request(chunks: WireLimits.creditChunks)
        while true {
            let arrived = try pump(timeout: Self.patience)
            guard var current = download else { return }
            if let failure = current.failure { throw ShardComputationError(.internal, failure) }
            for piece in current.pieces { try sink(piece) }
            current.pieces = []
            if !arrived { current.requested = current.received }
            download = current
            if let total = current.total, current.received == total { break }
            // Credit goes back in halves of the window, so that requests do not outnumber chunks.
            let outstanding = (current.requested - current.received) / WireLimits.chunkBytes
            if outstanding <= WireLimits.creditChunks / 2 { try request(chunks: WireLimits.creditChunks - outstanding) }
        }
    }

    /// Fetches a small blob into memory.
    func fetch(_ digest: ContentDigest) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try fetch(digest) { piece in
            guard bytes.count + piece.count <= WireLimits.statisticsBytes else {
                throw WireError.oversize(bytes: bytes.count + piece.count, limit: WireLimits.statisticsBytes)
            }
            bytes += piece
        }
        return bytes
    }

    private func request(chunks: Int) throws {
        guard var current = download else { return }
        if let total = current.total, current.requested >= total { return }
        try send(.get(digest: current.digest, offset: current.requested, chunks: chunks))
        current.requested += chunks * WireLimits.chunkBytes
        download = current
    }

    // MARK: Uploads

    /// Uploads bytes until the coordinator has them all.
    func upload(_ bytes: [UInt8], digest: ContentDigest) throws {
        upload = Upload(digest: digest, firstSequence: sequence + 1)
        defer { upload = nil }
        try send(.putOpen(digest: digest, size: bytes.count))
        while true {
            let arrived = try pump(timeout: Self.patience)
            guard var current = upload else { return }
            if let failure = current.failure { throw ShardComputationError(.internal, failure) }
            if current.isComplete || (arrived && current.acknowledged == bytes.count && current.allowed == 0) { return }
            if !arrived {
                current.allowed = 0
                upload = current
                try send(.putOpen(digest: digest, size: bytes.count))
                continue
            }
            while current.sent < bytes.count, current.sent < current.allowed {
                let end = min(current.sent + WireLimits.chunkBytes, bytes.count)
                try send(.putChunk(digest: digest, offset: current.sent), payload: Array(bytes[current.sent..<end]))
                current.sent = end
            }
            upload = current
        }
    }

    // MARK: Samples

    /// Asks for samples of a job as far as the credit allows.
    func requestSamples() throws {
        while let request = streams.nextRequest() {
            try send(
                .sampleRequest(
                    job: streams.job, sample: request.sample, offset: request.offset, chunks: request.chunks))
            streams.note(sequence: sequence, sample: request.sample)
        }
    }

    /// The bytes of a sample; waits for them.
    func sample(_ index: Int) throws -> [UInt8] {
        streams.want(index..<index + 1)
        while true {
            try requestSamples()
            if let result = streams.take(index) {
                switch result {
                case .success(let bytes): return bytes
                case .failure(let error): throw error
                }
            }
            if try !pump(timeout: Self.patience) { streams.forgetRequests() }
        }
    }

    /// Asks for samples ahead of time, as far as the credit allows.
    func want(_ samples: Range<Int>) {
        streams.want(samples)
        // What cannot be asked for now is asked for when a sample is waited for.
        try? requestSamples()
    }

    /// Drops samples that a shard asked for and did not take.
    func forgetSamples() {
        streams.reset()
    }

    func beginStreaming(job: UInt64) {
        streams = SampleStreams(job: job)
    }

    // MARK: Messages

    private func send(_ message: Message, payload: [UInt8] = []) throws {
        sequence += 1
        let packet = Packet(Envelope(session: session, sequence: sequence, message: message), payload: payload)
        unsent.append(try PacketCodec.frames(packet))
        try flush()
    }

    private func flush() throws {
        while let first = unsent.first, try socket.send(first) == .sent { unsent.removeFirst() }
    }

    /// Waits for messages and takes all that are there.
    ///
    /// - Returns: Whether anything arrived that was waited for.
    private func pump(timeout: Duration) throws -> Bool {
        let end = MonotonicClock.now + timeout
        while true {
            try interrupt.check()
            var arrived = false
            while let (_, frames) = try socket.receive() {
                if let packet = try? PacketCodec.packet(frames), packet.envelope.session == session, accept(packet) {
                    arrived = true
                }
            }
            try flush()
            if arrived { return true }
            let now = MonotonicClock.now
            guard now < end else { return false }
            _ = try ZeroMQSocket.wait(
                [(socket, !unsent.isEmpty)], descriptors: [interrupt.descriptor], timeout: end - now)
        }
    }

    private func accept(_ packet: Packet) -> Bool {
        bytesTransferred += packet.payload.count
        switch packet.envelope.message {
        case .chunk(let digest, let offset, let total):
            guard var current = download, current.digest == digest, offset == current.received,
                current.total == nil || current.total == total, offset + packet.payload.count <= total,
                !packet.payload.isEmpty || total == 0
            else { return false }
            current.total = total
            current.received += packet.payload.count
            current.pieces.append(packet.payload)
            download = current
            return true
        case .putNeed(let digest, let offset, let chunks):
            guard var current = upload, current.digest == digest else { return false }
            current.acknowledged = offset
            current.sent = offset
            current.allowed = offset + chunks * WireLimits.chunkBytes
            current.isComplete = chunks == 0
            upload = current
            return true
        case .putAck(let digest, let received, let chunks):
            guard var current = upload, current.digest == digest else { return false }
            current.acknowledged = max(current.acknowledged, received)
            current.allowed = max(current.allowed, received + chunks * WireLimits.chunkBytes)
            current.isComplete = chunks == 0
            upload = current
            return true
        case .sampleChunk(let job, let sample, let offset, let total, let digest):
            return streams.accept(
                job: job, sample: sample, offset: offset, total: total, digest: digest, bytes: packet.payload)
        case .error(let text, let sequence): return refused(text, about: sequence)
        default: return false
        }
    }

    private func refused(_ text: String, about sequence: UInt64) -> Bool {
        if let current = download, sequence >= current.firstSequence {
            download?.failure = text
            return true
        }
        if let current = upload, sequence >= current.firstSequence {
            upload?.failure = text
            return true
        }
        return streams.refused(text, about: sequence)
    }
}
