public import Calibration

/// A worker's introduction.
public struct Hello: Hashable, Sendable {
    /// The oldest protocol version the worker speaks.
    public var minimumVersion: UInt32
    /// The newest protocol version the worker speaks.
    public var maximumVersion: UInt32
    /// The worker's build, for people.
    public var build: String
    /// Host name.
    public var node: String
    /// Process id on that host.
    public var process: Int
    /// Number of the worker on its host; names a device, never data.
    public var localRank: Int
    /// The instruction set its kernels use, for example `avx512`.
    public var instructionSet: String
    /// Shards it holds: computing, or finished and not acknowledged.
    public var resume: [Resume]

    /// A shard that a worker holds.
    public struct Resume: Hashable, Sendable {
        /// The attempt.
        public var shard: ShardReference
        /// Whether it is computed.
        public var isFinished: Bool

        /// Names a held shard.
        public init(shard: ShardReference, isFinished: Bool) {
            self.shard = shard
            self.isFinished = isFinished
        }
    }

    /// Introduces a worker of this protocol version.
    public init(
        minimumVersion: UInt32 = WireLimits.version, maximumVersion: UInt32 = WireLimits.version, build: String,
        node: String, process: Int, localRank: Int, instructionSet: String, resume: [Resume] = []
    ) {
        self.minimumVersion = minimumVersion
        self.maximumVersion = maximumVersion
        self.build = build
        self.node = node
        self.process = process
        self.localRank = localRank
        self.instructionSet = instructionSet
        self.resume = resume
    }
}

/// A coordinator's answer to a welcome worker.
public struct Welcome: Hashable, Sendable {
    /// The protocol version both will speak.
    public var version: UInt32
    /// 16 bytes that name the coordinator.
    public var cluster: SessionID
    /// Grows with each restart of the coordinator.
    public var epoch: UInt64
    /// How often to send heartbeats.
    public var heartbeatInterval: Duration
    /// How long a silent worker keeps its lease.
    public var leaseDuration: Duration
    /// Where the data socket listens.
    public var dataEndpoint: String
    /// Bytes of a full chunk.
    public var chunkBytes: Int

    /// Welcomes a worker.
    public init(
        version: UInt32 = WireLimits.version, cluster: SessionID, epoch: UInt64, heartbeatInterval: Duration,
        leaseDuration: Duration, dataEndpoint: String, chunkBytes: Int = WireLimits.chunkBytes
    ) {
        self.version = version
        self.cluster = cluster
        self.epoch = epoch
        self.heartbeatInterval = heartbeatInterval
        self.leaseDuration = leaseDuration
        self.dataEndpoint = dataEndpoint
        self.chunkBytes = chunkBytes
    }
}

/// A shard handed to a worker.
public struct Lease: Hashable, Sendable {
    /// The attempt.
    public var shard: ShardReference
    /// The coordinator's epoch.
    public var epoch: UInt64
    /// The blob with the job's specification.
    public var specificationDigest: ContentDigest
    /// The blob that says how samples reach the worker.
    public var deliveryDigest: ContentDigest
    /// Digest of the plan the shard belongs to.
    public var planDigest: ContentDigest
    /// How long the worker may go without progress.
    public var progressTimeout: Duration
    /// What becomes of the result.
    public var purpose: LeasePurpose
    /// Samples of the shard that are left out, in increasing order; a batch without samples is left out too.
    public var excluded: [Int]
    /// The blob that the round of the shard computes with; `nil` in jobs without rounds.
    public var inputDigest: ContentDigest?

    /// Makes a lease.
    public init(
        shard: ShardReference, epoch: UInt64, specificationDigest: ContentDigest, deliveryDigest: ContentDigest,
        planDigest: ContentDigest, progressTimeout: Duration, purpose: LeasePurpose = .count, excluded: [Int] = [],
        inputDigest: ContentDigest? = nil
    ) {
        self.inputDigest = inputDigest
        self.purpose = purpose
        self.excluded = excluded
        self.shard = shard
        self.epoch = epoch
        self.specificationDigest = specificationDigest
        self.deliveryDigest = deliveryDigest
        self.planDigest = planDigest
        self.progressTimeout = progressTimeout
    }
}

/// What becomes of the result of a lease.
public enum LeasePurpose: Hashable, Sendable {
    /// The statistics are uploaded and counted.
    case count
    /// Only the digest of the statistics is wanted, to compare it with another worker's: nothing is uploaded.
    case compare
    /// Only these samples are computed, and only whether the worker survives is wanted: nothing is uploaded.
    case trial(Range<Int>)

    /// Whether this is a trial.
    public var isTrial: Bool {
        if case .trial = self { true } else { false }
    }
}

/// How far a worker is with a shard.
public struct ShardProgress: Hashable, Sendable {
    /// The attempt.
    public var shard: ShardReference
    /// Samples computed.
    public var samples: Int
    /// Grows with any work, such as bytes of the model received.
    public var activity: Int

    /// Reports progress.
    public init(shard: ShardReference, samples: Int, activity: Int) {
        self.shard = shard
        self.samples = samples
        self.activity = activity
    }
}

/// A computed shard.
public struct Commit: Hashable, Sendable {
    /// The attempt.
    public var shard: ShardReference
    /// The epoch of the lease.
    public var epoch: UInt64
    /// Digest of the statistics.
    public var digest: ContentDigest
    /// Bytes of the statistics.
    public var size: Int
    /// Samples that went into them.
    public var samples: Int
    /// Whether this was a trial, whose result is not counted.
    public var isTrial: Bool

    /// Describes a computed shard.
    public init(
        shard: ShardReference, epoch: UInt64, digest: ContentDigest, size: Int, samples: Int, isTrial: Bool = false
    ) {
        self.isTrial = isTrial
        self.shard = shard
        self.epoch = epoch
        self.digest = digest
        self.size = size
        self.samples = samples
    }
}

/// A shard that could not be computed.
public struct ShardFailure: Hashable, Sendable {
    /// The attempt.
    public var shard: ShardReference
    /// What kind of failure.
    public var failureClass: FailureClass
    /// The explanation, at most 1 KiB.
    public var text: String
    /// Index of the sample that failed, when one is to blame.
    public var sample: Int?

    /// Describes a failure.
    public init(shard: ShardReference, failureClass: FailureClass, text: String, sample: Int? = nil) {
        self.shard = shard
        self.failureClass = failureClass
        self.text = text
        self.sample = sample
    }
}

/// What kind of failure a worker reports.
public enum FailureClass: Int, Hashable, Sendable, CaseIterable {
    /// The data or the model is at fault: another worker would fail the same way.
    case data = 1
    /// The device is at fault.
    case device
    /// Memory ran out.
    case memory
    /// The worker was told to leave; nobody is to blame.
    case drained
    /// Anything else.
    case `internal`
}

/// What became of a commit.
public enum CommitResult: Int, Hashable, Sendable, CaseIterable {
    /// Counted.
    case accepted = 1
    /// Counted before, with the same digest.
    case duplicate
    /// Counted before, with another digest: one of two devices computes wrongly.
    case conflict
    /// Not now; send it again later.
    case retry
    /// The statistics are not here; upload them again, then commit again.
    case missing
    /// Refused; the text says why.
    case rejected
}

/// Why there is no more work.
public enum DoneReason: Int, Hashable, Sendable, CaseIterable {
    /// Every shard is counted.
    case completed = 1
    /// The job failed.
    case failed
    /// The job was cancelled.
    case cancelled
}

/// Why a worker is turned away.
public enum RejectCode: Int, Hashable, Sendable, CaseIterable {
    /// No common protocol version.
    case version = 1
    /// The job wants another instruction set.
    case instructionSet
    /// Too many workers.
    case full
    /// The worker's device computed wrongly.
    case quarantined
    /// The key that the worker connected with may not do this.
    case notAllowed = 5
}
