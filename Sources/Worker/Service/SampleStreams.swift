internal import Calibration
internal import Wire

/// Which samples were asked for, how much of each is here, and what may be asked for next.
struct SampleStreams {
    /// Samples that may be under way at once.
    static let window = 8
    /// Chunks asked for at a time for one sample.
    static let chunksPerRequest = 2
    /// Bytes of finished samples that may wait to be taken.
    static let waitingBytes = 64 << 20

    private struct Stream {
        var bytes: [UInt8] = []
        var requested = 0
        var total: Int?
        var digest: ContentDigest?
        var sequence: UInt64 = 0
    }

    let job: UInt64
    private var wanted: [Int] = []
    /// Looked up by sample, never iterated where the order matters.
    private var streams: [Int: Stream] = [:]
    private var order: [Int] = []
    private var finished: [Int: Result<[UInt8], ShardComputationError>] = [:]
    private var finishedBytes = 0

    init(job: UInt64 = 0) {
        self.job = job
    }

    /// Adds samples to what is asked for.
    mutating func want(_ samples: Range<Int>) {
        for sample in samples where streams[sample] == nil && finished[sample] == nil && !wanted.contains(sample) {
            // The one that is waited for goes first.
            if samples.count == 1 { wanted.insert(sample, at: 0) } else { wanted.append(sample) }
        }
    }

    /// The next request that the credit allows.
    mutating func nextRequest() -> (sample: Int, offset: Int, chunks: Int)? {
        for sample in order {
            guard var stream = streams[sample], stream.requested == stream.bytes.count else { continue }
            if let total = stream.total, stream.bytes.count >= total { continue }
            let offset = stream.requested
            stream.requested += Self.chunksPerRequest * WireLimits.chunkBytes
            streams[sample] = stream
            return (sample, offset, Self.chunksPerRequest)
        }
        guard order.count < Self.window, let sample = wanted.first,
            finishedBytes < Self.waitingBytes || order.isEmpty
        else { return nil }
        wanted.removeFirst()
        order.append(sample)
        streams[sample] = Stream(requested: Self.chunksPerRequest * WireLimits.chunkBytes)
        return (sample, 0, Self.chunksPerRequest)
    }

    /// Notes which message asked for a sample.
    mutating func note(sequence: UInt64, sample: Int) {
        streams[sample]?.sequence = sequence
    }

    /// Everything under way is asked for again.
    mutating func forgetRequests() {
        for sample in order {
            let received = streams[sample]?.bytes.count ?? 0
            streams[sample]?.requested = received
        }
    }

    /// Takes a chunk.
    ///
    /// - Returns: Whether it was waited for.
    mutating func accept(
        job: UInt64, sample: Int, offset: Int, total: Int, digest: ContentDigest, bytes: [UInt8]
    ) -> Bool {
        guard job == self.job, var stream = streams[sample], offset == stream.bytes.count,
            stream.total == nil || stream.total == total, stream.digest == nil || stream.digest == digest,
            offset + bytes.count <= total, !bytes.isEmpty || total == 0
        else { return false }
        stream.total = total
        stream.digest = digest
        stream.bytes += bytes
        if stream.bytes.count == total {
            if ContentDigest(of: stream.bytes) == digest {
                finish(sample, .success(stream.bytes))
            } else {
                finish(
                    sample,
                    .failure(
                        ShardComputationError(.internal, "The bytes of sample \(sample) were damaged on the way")))
            }
        } else {
            // A request that is answered in full makes room for the next.
            if stream.bytes.count >= stream.requested { stream.requested = stream.bytes.count }
            streams[sample] = stream
        }
        return true
    }

    /// The coordinator cannot send a sample.
    mutating func refused(_ text: String, about sequence: UInt64) -> Bool {
        guard let sample = order.first(where: { streams[$0]?.sequence == sequence }) else { return false }
        finish(sample, .failure(ShardComputationError(.data, text, sample: sample)))
        return true
    }

    private mutating func finish(_ sample: Int, _ result: Result<[UInt8], ShardComputationError>) {
        streams[sample] = nil
        order.removeAll { $0 == sample }
        if case .success(let bytes) = result { finishedBytes += bytes.count }
        finished[sample] = result
    }

    /// Takes a finished sample out.
    mutating func take(_ sample: Int) -> Result<[UInt8], ShardComputationError>? {
        guard let result = finished.removeValue(forKey: sample) else { return nil }
        if case .success(let bytes) = result { finishedBytes -= bytes.count }
        return result
    }

    /// Drops whatever was not taken, at the start of another shard.
    mutating func reset() {
        self = SampleStreams(job: job)
    }
}
