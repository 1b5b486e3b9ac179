public import Calibration
public import Wire

/// A commit on its way into the store.
public struct StoreRequest: Sendable, Hashable {
    /// Who sent it; `nil` for a shard whose samples are all skipped, which the coordinator commits itself: it has no
    /// statistics (`commit.size` is 0), and merging it changes nothing.
    public let session: SessionID?
    /// Where it was computed; to be kept with the shard.
    public let device: Device?
    /// What was computed.
    public let commit: Commit

    /// Makes a request.
    public init(session: SessionID?, device: Device?, commit: Commit) {
        self.session = session
        self.device = device
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

/// What became of `finalize`.
public enum Finalization: Sendable, Hashable {
    /// The result is recorded durably; the model is `nil` when the job makes none.
    case completed(JobModel?)
    /// Not now, for example because the disk is full: it will be asked for again.
    case later(text: String)
    /// Never; the core then ends the job with this failure.
    case failed(JobFailure)
}

/// Which workers are meant.
public enum WorkerSelection: Sendable, Hashable {
    /// All of them, and those that join later.
    case all
    /// Those of a node, or one of them; those that join later are welcome.
    case node(String, localRank: Int?)
}

/// What happens to a coordinator.
///
/// Each `store`, `record` and `finalize` effect is answered exactly once, by the events that its documentation names, in
/// any order and after any time. Nothing else has to be answered.
public enum CoordinatorEvent: Sendable, Hashable {
    /// The first event after a start when the store knew anything; the configuration has the new epoch.
    case recovered(RecoveredState)
    /// A worker's message on the control socket. Clients' messages are the service's own business.
    case received(Envelope, from: PeerAddress)
    /// A job to hand out; its submission is durable.
    case submitted(CoordinatorJob)
    /// A job must end. A job that is being finalized, or has ended, takes no notice.
    case aborted(job: UInt64, JobFailure)
    /// A commit is in the store, durably where the store is durable.
    case stored(StoreRequest)
    /// A commit is not in the store.
    case storeFailed(StoreRequest, StoreFailure)
    /// A decision is recorded durably.
    case recorded(Decision)
    /// A decision is not recorded; the core will ask again.
    case recordFailed(Decision, text: String)
    /// What became of `finalize`.
    case finalized(job: UInt64, Finalization)
    /// All shards of a round are stored and the next one may begin: the shards below `shards`, with this blob. Comes after
    /// the `stored` of each of them; before, or for another round than the next, it changes nothing.
    case roundOpened(job: UInt64, shards: Int, input: ContentDigest)
    /// A worker process of this machine ended.
    case workerExited(node: String, process: Int, text: String)
    /// A session must end, because its key was revoked.
    case sessionRevoked(SessionID, text: String)
    /// Workers that are here are to leave when their shard is done; others may join.
    case drainRequested(WorkerSelection)
    /// The time that `nextDeadline` named has come.
    case deadline
}

/// What a coordinator wants done, in this order.
public enum CoordinatorEffect: Sendable, Hashable {
    /// Send a message on the control socket.
    case send(Message, session: SessionID, to: PeerAddress)
    /// Put a commit into the store, with the merged statistics it leads to; answer with `stored` or `storeFailed`.
    case store(StoreRequest)
    /// Keep a decision; answer with `recorded` or `recordFailed`.
    case record(Decision)
    /// Every shard of a job is counted: convert, keep and record the result; answer with `finalized`. `conflicts` are
    /// the shards for which two devices computed different statistics and no third one could settle which is right.
    case finalize(job: UInt64, conflicts: [Int])
    /// A job has ended, durably; nothing has to be done.
    case ended(job: UInt64, JobOutcome)
    /// Tell people.
    case report(CoordinatorOccurrence)
}

/// Something people may want to know.
public enum CoordinatorOccurrence: Sendable, Hashable {
    /// A worker joined.
    case workerJoined(session: SessionID, node: String, process: Int)
    /// A worker was turned away.
    case workerRejected(node: String, process: Int, text: String)
    /// A worker left or was lost.
    case workerLeft(session: SessionID, node: String, process: Int, text: String)
    /// A shard is counted; `session` is `nil` for a shard whose samples are all skipped, and `duration` when it is not known
    /// how long the worker took.
    case shardCommitted(job: UInt64, shard: Int, session: SessionID?, samples: Int, duration: Duration?)
    /// A shard goes to another worker.
    case shardReturned(job: UInt64, shard: Int, session: SessionID, text: String)
    /// A shard runs long and is given to a second worker.
    case shardSpeculated(job: UInt64, shard: Int, session: SessionID)
    /// A shard cost several workers; its parts are tried alone.
    case bisectionStarted(job: UInt64, shard: Int, losses: Int)
    /// A sample is left out from now on.
    case sampleSkipped(job: UInt64, sample: Int, text: String)
    /// Two workers computed different statistics for one shard: one of their devices is faulty.
    case conflict(job: UInt64, shard: Int, session: SessionID, counted: ContentDigest, other: ContentDigest)
    /// A device computes wrongly; its workers are turned away.
    case deviceQuarantined(Device, text: String)
    /// A job starts over because a faulty device had computed some of its shards.
    case jobReset(job: UInt64, Device)
    /// A job that has ended, or is being finalized, contains shards of a device that was quarantined since.
    case resultInDoubt(job: UInt64, Device)
    /// Shards were not audited: no second node was there, or nobody finished the audit in three tries.
    case auditSkipped(job: UInt64, shards: Int)
    /// A worker cannot load a job's model.
    case modelNotLoaded(job: UInt64, session: SessionID, text: String)
    /// The store takes nothing; what is decided waits.
    case storeRefuses(text: String)
    /// The store takes everything again.
    case storeRecovered
}
