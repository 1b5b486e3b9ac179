public import Calibration
public import Wire

/// What the coordinator has decided and must not forget: recorded before anybody is told.
public enum Decision: Sendable, Hashable {
    /// A job ends without a result.
    case ended(job: UInt64, JobFailure)
    /// A sample is left out of a job from now on, and listed in its manifest.
    case skipped(job: UInt64, sample: Int, text: String)
    /// A device computes wrongly: its workers are turned away, and the jobs in `resets` start over, because it had counted
    /// shards in them. One record: the statistics, shards and disputes of these jobs are removed with it; skipped samples
    /// and blame stay.
    case quarantined(Device, text: String, resets: [UInt64])
    /// A device computed other statistics for a counted shard: one of the two is faulty. It is part of the job's
    /// manifest unless a third device settles it.
    case disputed(job: UInt64, shard: Int, device: Device, digest: ContentDigest)
    /// A session was lost while it computed a shard. Nothing waits for this record; losing it costs a few workers more.
    case blamed(job: UInt64, shard: Int, session: SessionID, device: Device)

    /// The job that the decision is about.
    public var job: UInt64? {
        switch self {
        case .ended(let job, _), .skipped(let job, _, _), .disputed(let job, _, _, _), .blamed(let job, _, _, _): job
        case .quarantined: nil
        }
    }
}

/// What the store knew when the coordinator started.
public struct RecoveredState: Sendable, Hashable {
    /// All jobs in the order of submission.
    public var jobs: [RecoveredJob] = []
    /// Devices that computed wrongly.
    public var quarantined: [Device] = []

    /// Nothing.
    public init() {}
}

/// A job that the store knew.
public struct RecoveredJob: Sendable, Hashable {
    /// A shard that is counted.
    public struct Shard: Sendable, Hashable {
        /// Its index.
        public var index: Int
        /// Digest of its statistics.
        public var digest: ContentDigest
        /// Who computed it; `nil` for a shard whose samples are all skipped.
        public var device: Device?

        /// Names a counted shard.
        public init(index: Int, digest: ContentDigest, device: Device?) {
            self.index = index
            self.digest = digest
            self.device = device
        }
    }

    /// The job.
    public var job: CoordinatorJob
    /// How it ended; `nil` while it runs, also when only its finalization is missing.
    public var outcome: JobOutcome?
    /// The shards that are counted, in any order.
    public var committed: [Shard] = []
    /// Samples that are skipped.
    public var skipped: [Int] = []
    /// Decisions `disputed` and `blamed` about the job since its last reset, in the order they were recorded.
    public var decisions: [Decision] = []
    /// How often it was reset.
    public var resets = 0

    /// A job without shards.
    public init(job: CoordinatorJob, outcome: JobOutcome? = nil) {
        self.job = job
        self.outcome = outcome
    }
}
