public import Calibration
public import Wire

/// What a coordinator shows people: plain values, taken between two events.
public struct CoordinatorSnapshot: Sendable, Hashable {
    /// Grows with each restart.
    public var epoch: UInt64
    /// Whether it can do its work.
    public var isReady: Bool
    /// Whether the store takes nothing at the moment.
    public var storeRefuses: Bool
    /// All jobs in the order of submission.
    public var jobs: [JobSnapshot]
    /// Joined workers in the order they joined.
    public var workers: [WorkerSnapshot]
    /// Devices whose workers are turned away.
    public var quarantined: [Device]
    /// What happened lately, oldest first, at most 256 entries.
    public var events: [LoggedOccurrence]
    /// Counts since the start.
    public var tallies: CoordinatorTallies
}

/// A job as people see it.
public struct JobSnapshot: Sendable, Hashable {
    /// Where a job stands.
    public enum State: Sendable, Hashable {
        /// Shards are computed.
        case running
        /// A quarantine that resets the job is being recorded.
        case paused
        /// Every shard is counted; the result is being made.
        case finalizing
        /// It ends without a result as soon as that is recorded.
        case ending
        /// It has ended.
        case ended(JobOutcome)
    }

    /// Names the job.
    public var id: UInt64
    /// Jobs with a higher priority are served first.
    public var priority: Int
    /// Where it stands.
    public var state: State
    /// Shards of the job; 0 once it has ended, as are the counts that follow.
    public var shards: Int
    /// Shards that are counted.
    public var committedShards: Int
    /// Shards that are on their way into the store.
    public var storingShards: Int
    /// Attempts under way, of every kind.
    public var attempts: Int
    /// Shards that are bisected.
    public var bisectedShards: Int
    /// Shards with different results, in ascending order.
    public var conflicts: [Int]
    /// Counted shards that wait for an audit or are audited.
    public var openAudits: Int
    /// Shards that got a second attempt.
    public var speculatedShards: Int
    /// Samples of counted shards, plus those that workers have computed of the shards in hand.
    public var samplesDone: Int
    /// Samples of the job.
    public var samplesTotal: Int
    /// Samples that are left out, in ascending order.
    public var skippedSamples: [Int]
    /// How often it started over.
    public var resets: Int
    /// The median time of the latest shards.
    public var medianShardTime: Duration?
    /// Workers that have the job's model loaded.
    public var readyWorkers: Int
}

/// A worker as people see it.
public struct WorkerSnapshot: Sendable, Hashable {
    /// What a worker does.
    public enum State: Sendable, Hashable {
        /// It has nothing to do.
        case idle
        /// It computes a shard that will be counted.
        case computing
        /// It computes a straggler's shard too.
        case speculating
        /// It computes a counted shard again, to compare.
        case auditing
        /// It tries a part of a shard under suspicion.
        case trying(samples: Range<Int>)
        /// It gets no shard for a while because it failed.
        case resting
        /// It leaves when its shard is done.
        case draining
    }

    /// Names the worker process.
    public var session: SessionID
    /// Its host and number there.
    public var device: Device
    /// Process id on its host.
    public var process: Int
    /// Its build.
    public var build: String
    /// The instruction set of its kernels.
    public var instructionSet: String
    /// What it does.
    public var state: State
    /// What it computes.
    public var attempt: ShardReference?
    /// Samples of that which are done.
    public var samples: Int
    /// Since when it computes that.
    public var attemptAge: Duration?
    /// Time since it was heard.
    public var silence: Duration
    /// Its memory in bytes, as it says.
    public var residentBytes: Int
    /// Shards it got counted.
    public var committedShards: Int
    /// Failures since it last got a shard counted.
    public var failuresInARow: Int
    /// The model it has loaded.
    public var loadedModel: ContentDigest?
}

/// A shard as people see it.
public struct ShardSnapshot: Sendable, Hashable {
    /// Where a shard stands.
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// It is open.
        case pending
        /// It is computed.
        case leased
        /// It is on its way into the store.
        case storing
        /// It is counted.
        case committed
        /// Its parts are tried, or a decision about it is being recorded.
        case held
    }

    /// Its index.
    public var index: Int
    /// Where it stands.
    public var state: State
    /// Its samples, those that are skipped included.
    public var samples: Range<Int>
    /// Who computes it, or who computed what is counted.
    public var device: Device?
    /// Digest of the counted statistics.
    public var digest: ContentDigest?
    /// Failures that workers reported.
    public var failures: Int
    /// Workers it cost.
    public var losses: Int
}

/// Something that happened.
public struct LoggedOccurrence: Sendable, Hashable {
    /// When, on the clock of the core.
    public var time: Duration
    /// What.
    public var occurrence: CoordinatorOccurrence
}

/// Counts of what happened since the start of the coordinator.
public struct CoordinatorTallies: Sendable, Hashable {
    /// Sessions that joined.
    public var sessions = 0
    /// Attempts that were handed out, of every kind.
    public var attempts = 0
    /// Second attempts at stragglers' shards.
    public var speculations = 0
    /// Attempts that only compare.
    public var audits = 0
    /// Results that were the same as the counted ones.
    public var agreements = 0
    /// Trials of parts of shards.
    public var trials = 0
    /// Attempts that were taken back.
    public var returned = 0
    /// Shards that were counted.
    public var committed = 0
    /// Workers that were lost because nothing was heard of them.
    public var silences = 0
    /// Attempts that were taken back because they made no progress.
    public var stalls = 0
    /// Failures that workers reported, by class.
    public var failures: [FailureClass: Int] = [:]
    /// Answers to commits, by result.
    public var answers: [CommitResult: Int] = [:]

    /// Nothing yet.
    public init() {}
}

/// The latest occurrences.
struct EventLog: Sendable {
    private static let limit = 256
    private var entries: [LoggedOccurrence] = []
    private var next = 0

    /// Adds an occurrence; counted shards are too many to list.
    mutating func add(_ occurrence: CoordinatorOccurrence, at time: Duration) {
        if case .shardCommitted = occurrence { return }
        let entry = LoggedOccurrence(time: time, occurrence: occurrence)
        if entries.count < Self.limit {
            entries.append(entry)
        } else {
            entries[next] = entry
            next = (next + 1) % Self.limit
        }
    }

    /// All entries, oldest first.
    var all: [LoggedOccurrence] { Array(entries[next...] + entries[..<next]) }
}
