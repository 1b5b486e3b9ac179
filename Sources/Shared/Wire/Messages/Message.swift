public import Calibration

/// What a coordinator, its workers and its clients say to each other; docs/protocol.md explains each.
public enum Message: Hashable, Sendable {
    // Control socket: joining.
    /// Worker: here I am.
    case hello(Hello)
    /// Coordinator: you are in.
    case welcome(Welcome)
    /// Coordinator: you are not; `retryAfter` is `nil` when coming back is pointless.
    case reject(code: RejectCode, text: String, retryAfter: Duration?)
    /// Coordinator: this session is not known (any more); say hello again.
    case unknown

    // Control socket: work.
    /// Worker: give me a shard. Asking again gives the same one.
    case leaseRequest
    /// Coordinator: compute this shard.
    case lease(Lease)
    /// Coordinator: nothing to do now; ask again later.
    case wait(retryAfter: Duration)
    /// Coordinator: there is no more work.
    case done(reason: DoneReason, text: String)
    /// Worker: alive, and this far.
    case heartbeat(progress: [ShardProgress], residentBytes: Int)
    /// Coordinator: heard; stop working on `cancel`.
    case heartbeatAck(cancel: [ShardReference], drain: Bool)
    /// Worker: a shard is done and its statistics are uploaded.
    case commit(Commit)
    /// Coordinator: what became of a commit.
    case commitAck(shard: ShardReference, result: CommitResult, retryAfter: Duration?, text: String)
    /// Worker: a shard could not be computed.
    case fail(ShardFailure)
    /// Coordinator: heard of the failure.
    case failAck(shard: ShardReference)

    // Control socket: the quantized model.
    /// Coordinator: a job's model is there to be loaded.
    case modelReady(JobModel, job: UInt64)
    /// Worker: the model is loaded; or it is not, and `failure` says why.
    case modelLoaded(job: UInt64, digest: ContentDigest, failure: String?)

    // Control socket: clients.
    /// Client: a question. Asking again with the same id gives the same answer.
    case clientRequest(ClientRequest)
    /// Coordinator: a piece of the answer.
    case clientAnswer(ClientAnswer)

    // Control socket: leaving.
    /// Coordinator: finish the shard in hand and leave.
    case drain
    /// Worker: I leave.
    case goodbye(text: String)
    /// Either: your message `aboutSequence` was refused.
    case error(text: String, aboutSequence: UInt64)

    // Data socket.
    /// Worker: send `chunks` chunks of a blob from `offset` on.
    case get(digest: ContentDigest, offset: Int, chunks: Int)
    /// Coordinator: a chunk of a blob of `total` bytes; the payload frame has its bytes.
    case chunk(digest: ContentDigest, offset: Int, total: Int)
    /// Worker: I want to upload a blob.
    case putOpen(digest: ContentDigest, size: Int)
    /// Coordinator: send it from `offset` on, `chunks` chunks for now.
    case putNeed(digest: ContentDigest, offset: Int, chunks: Int)
    /// Worker: a chunk; the payload frame has its bytes.
    case putChunk(digest: ContentDigest, offset: Int)
    /// Coordinator: the first `received` bytes are here; `chunks` more may be sent.
    case putAck(digest: ContentDigest, received: Int, chunks: Int)
    /// Worker: send `chunks` chunks of a sample's raw bytes from `offset` on.
    case sampleRequest(job: UInt64, sample: Int, offset: Int, chunks: Int)
    /// Coordinator: a chunk of a sample of `total` bytes with this digest; the payload frame has its bytes.
    case sampleChunk(job: UInt64, sample: Int, offset: Int, total: Int, digest: ContentDigest)

    /// The kinds of messages, named as in tare.proto.
    public enum Kind: String, CaseIterable, Sendable {
        case hello = "Hello"
        case welcome = "Welcome"
        case reject = "Reject"
        case unknown = "Unknown"
        case leaseRequest = "LeaseRequest"
        case lease = "Lease"
        case wait = "Wait"
        case done = "Done"
        case heartbeat = "Heartbeat"
        case heartbeatAck = "HeartbeatAck"
        case commit = "Commit"
        case commitAck = "CommitAck"
        case fail = "Fail"
        case failAck = "FailAck"
        case drain = "Drain"
        case goodbye = "Goodbye"
        case error = "Error"
        case modelReady = "ModelReady"
        case modelLoaded = "ModelLoaded"
        case clientRequest = "ClientRequest"
        case clientAnswer = "ClientAnswer"
        case get = "Get"
        case chunk = "Chunk"
        case putOpen = "PutOpen"
        case putNeed = "PutNeed"
        case putChunk = "PutChunk"
        case putAck = "PutAck"
        case sampleRequest = "SampleRequest"
        case sampleChunk = "SampleChunk"

        /// Whether exactly one payload frame follows the control frame (otherwise none does).
        public var hasPayload: Bool {
            self == .chunk || self == .putChunk || self == .sampleChunk
        }
    }

    /// Which kind this is.
    public var kind: Kind {
        switch self {
        case .hello: .hello
        case .welcome: .welcome
        case .reject: .reject
        case .unknown: .unknown
        case .leaseRequest: .leaseRequest
        case .lease: .lease
        case .wait: .wait
        case .done: .done
        case .heartbeat: .heartbeat
        case .heartbeatAck: .heartbeatAck
        case .commit: .commit
        case .commitAck: .commitAck
        case .fail: .fail
        case .failAck: .failAck
        case .drain: .drain
        case .goodbye: .goodbye
        case .error: .error
        case .modelReady: .modelReady
        case .modelLoaded: .modelLoaded
        case .clientRequest: .clientRequest
        case .clientAnswer: .clientAnswer
        case .get: .get
        case .chunk: .chunk
        case .putOpen: .putOpen
        case .putNeed: .putNeed
        case .putChunk: .putChunk
        case .putAck: .putAck
        case .sampleRequest: .sampleRequest
        case .sampleChunk: .sampleChunk
        }
    }
}
