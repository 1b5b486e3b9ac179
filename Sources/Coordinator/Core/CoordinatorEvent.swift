public import Calibration
public import Wire

/// A job as the coordinator hands it out.
public struct CoordinatorJob: Sendable, Hashable {
    /// Names the job on the wire.
    public let id: UInt64
    /// The shards.
    public let plan: CalibrationPlan
    /// The blob that says how samples reach the workers.
    public let deliveryDigest: ContentDigest

    /// Makes a job.
    public init(id: UInt64, plan: CalibrationPlan, deliveryDigest: ContentDigest) {
        self.id = id
        self.plan = plan
        self.deliveryDigest = deliveryDigest
    }
}

/// A commit on its way into the store.
public struct StoreRequest: Sendable, Hashable {
    /// Who sent it.
    public let session: SessionID
    /// What was computed.
    public let commit: Commit

    /// Makes a request.
    public init(session: SessionID, commit: Commit) {
        self.session = session
        self.commit = commit
    }
}

/// Why the store did not take a commit.
public enum StoreFailure: Sendable, Hashable {
    /// The statistics were not uploaded, or were dropped since.
    case missing
    /// Not now, for example because the disk is full.
    case later(text: String)
    /// The statistics are not those of the shard.
    case invalid(text: String)
}

/// Why a job ended without a result.
public enum JobFailure: Error, Sendable, Hashable {
    /// Somebody cancelled it.
    case cancelled(text: String)
    /// The data or the model is at fault; `sample` is the index of the sample when one is.
    case data(text: String, sample: Int?)
    /// Several workers could not compute a shard; the last reason.
    case shard(index: Int, samples: Range<Int>, attempts: Int, text: String)
    /// Several workers were lost while they computed a shard.
    case losses(index: Int, samples: Range<Int>, losses: Int)
    /// No worker is left that could compute.
    case workers(text: String)
    /// The statistics of shards could not be kept or merged.
    case store(text: String)
}

extension JobFailure: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .cancelled(let text): "The job was cancelled: \(text)"
        case .data(let text, nil): text
        case .data(let text, let sample?): "Sample \(sample): \(text)"
        case .shard(let index, let samples, let attempts, let text):
            "\(attempts) workers could not compute shard \(index) (samples \(samples.lowerBound) to "
                + "\(samples.upperBound - 1)); the last reason: \(text)"
        case .losses(let index, let samples, let losses):
            "\(losses) workers were lost while computing shard \(index) (samples \(samples.lowerBound) to "
                + "\(samples.upperBound - 1)); one of these samples may crash them or exhaust their memory"
        case .workers(let text): "No worker is left: \(text)"
        case .store(let text): "The statistics cannot be merged: \(text)"
        }
    }
}

/// What happens to a coordinator.
public enum CoordinatorEvent: Sendable, Hashable {
    /// A worker's message on the control socket.
    case received(Envelope, from: PeerAddress)
    /// A job to hand out.
    case submitted(CoordinatorJob)
    /// The job must end.
    case aborted(JobFailure)
    /// A commit is in the store, durably where the store is durable.
    case stored(StoreRequest)
    /// A commit is not in the store.
    case storeFailed(StoreRequest, StoreFailure)
    /// A worker process of this machine ended.
    case workerExited(node: String, process: Int, text: String)
    /// All workers are to leave when their shard is done.
    case drainRequested
    /// The time that `nextDeadline` named has come.
    case deadline
}

/// What a coordinator wants done.
public enum CoordinatorEffect: Sendable, Hashable {
    /// Send a message on the control socket.
    case send(Message, session: SessionID, to: PeerAddress)
    /// Put a commit into the store; answer with `stored` or `storeFailed`.
    case store(StoreRequest)
    /// Tell people.
    case report(CoordinatorOccurrence)
    /// Every shard is counted.
    case completed
    /// The job ended without a result.
    case failed(JobFailure)
}

/// Something people may want to know.
public enum CoordinatorOccurrence: Sendable, Hashable {
    /// A worker joined.
    case workerJoined(session: SessionID, node: String, process: Int)
    /// A worker was turned away.
    case workerRejected(node: String, process: Int, text: String)
    /// A worker left or was lost.
    case workerLeft(session: SessionID, node: String, process: Int, text: String)
    /// A shard is counted.
    case shardCommitted(shard: Int, session: SessionID)
    /// A shard goes to another worker.
    case shardReturned(shard: Int, session: SessionID, text: String)
    /// Two workers computed different statistics for one shard: one of their devices is faulty.
    case conflict(shard: Int, session: SessionID, counted: ContentDigest, other: ContentDigest)
}
