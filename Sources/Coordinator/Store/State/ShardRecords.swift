public import Calibration

/// The process that computes: the n-th of a machine.
public struct WorkerDevice: Hashable, Sendable {
    /// The machine.
    public var node: String
    /// The rank of the process on it.
    public var rank: Int

    /// Names a device.
    public init(node: String, rank: Int) {
        self.node = node
        self.rank = rank
    }
}

extension WorkerDevice: Comparable {
    /// Orders devices by node, then rank.
    public static func < (left: WorkerDevice, right: WorkerDevice) -> Bool {
        (left.node, left.rank) < (right.node, right.rank)
    }
}

extension WorkerDevice: CustomStringConvertible {
    /// Node and rank.
    public var description: String { "\(node), rank \(rank)" }
}

/// What a shard does to the tree of a job: the step of `MergeTree` with the bytes of its node.
public struct TreeUpdate: Sendable {
    /// Nodes that were merged and are no longer kept.
    public var removed: [TreePosition]
    /// The node that is kept now.
    public var position: TreePosition
    /// The bytes of the node; asked for only if no later shard of the same group merges the node.
    public var bytes: @Sendable () throws -> [UInt8]

    /// Describes an update.
    public init(removed: [TreePosition], position: TreePosition, bytes: @escaping @Sendable () throws -> [UInt8]) {
        self.removed = removed
        self.position = position
        self.bytes = bytes
    }

    /// Describes what an insertion did.
    public init<Value: Sendable>(
        _ step: MergeTree<Value>.Step, encode: @escaping @Sendable (Value) throws -> [UInt8]
    ) {
        self.init(removed: step.removed, position: step.position) { try encode(step.value) }
    }
}

/// A shard that is to be counted.
public struct ShardCommit: Sendable {
    /// The job.
    public var job: UInt64
    /// The shard.
    public var shard: Int
    /// The attempt that computed it.
    public var attempt: Int
    /// The session that computed it.
    public var session: StateIdentifier
    /// The process that computed it.
    public var device: WorkerDevice
    /// Digest of the shard's statistics.
    public var digest: ContentDigest
    /// Size of the shard's statistics in bytes.
    public var size: Int
    /// Number of samples in them.
    public var samples: Int
    /// What it does to the tree.
    public var update: TreeUpdate

    /// Describes a commit.
    public init(
        job: UInt64, shard: Int, attempt: Int, session: StateIdentifier, device: WorkerDevice, digest: ContentDigest,
        size: Int, samples: Int, update: TreeUpdate
    ) {
        self.job = job
        self.shard = shard
        self.attempt = attempt
        self.session = session
        self.device = device
        self.digest = digest
        self.size = size
        self.samples = samples
        self.update = update
    }
}

/// A shard that is counted.
public struct CommittedShard: Hashable, Sendable {
    /// The shard.
    public var shard: Int
    /// The attempt that computed it.
    public var attempt: Int
    /// The session that computed it.
    public var session: StateIdentifier
    /// The process that computed it.
    public var device: WorkerDevice
    /// Digest of the shard's statistics.
    public var digest: ContentDigest
    /// Size of the shard's statistics in bytes.
    public var size: Int
    /// Number of samples in them.
    public var samples: Int
}

/// Another computation of a shard: of a second attempt or an audit.
public struct ShardWitness: Hashable, Sendable {
    /// The shard.
    public var shard: Int
    /// The session that computed it.
    public var session: StateIdentifier
    /// The process that computed it.
    public var device: WorkerDevice
    /// Digest of what it computed.
    public var digest: ContentDigest

    /// Describes a computation.
    public init(shard: Int, session: StateIdentifier, device: WorkerDevice, digest: ContentDigest) {
        self.shard = shard
        self.session = session
        self.device = device
        self.digest = digest
    }
}

/// A session that was lost while it computed a shard.
public struct ShardLoss: Hashable, Sendable {
    /// The shard.
    public var shard: Int
    /// The session that was lost.
    public var session: StateIdentifier
    /// The process of the session.
    public var device: WorkerDevice
    /// How it was lost.
    public var reason: String

    /// Describes a loss.
    public init(shard: Int, session: StateIdentifier, device: WorkerDevice, reason: String) {
        self.shard = shard
        self.session = session
        self.device = device
        self.reason = reason
    }
}

/// A sample that workers cannot compute and that is left out.
public struct PoisonedSample: Hashable, Sendable {
    /// Index of the sample in the job.
    public var sample: Int
    /// What is wrong with it.
    public var reason: String

    /// Describes a sample.
    public init(sample: Int, reason: String) {
        self.sample = sample
        self.reason = reason
    }
}

/// A device whose results are not trusted.
public struct QuarantinedDevice: Hashable, Sendable {
    /// The device.
    public var device: WorkerDevice
    /// Why.
    public var reason: String

    /// Describes a device.
    public init(device: WorkerDevice, reason: String) {
        self.device = device
        self.reason = reason
    }
}

/// A job that started over without a device.
public struct JobRestart: Hashable, Sendable {
    /// The device whose results were in doubt.
    public var device: WorkerDevice
    /// Why.
    public var reason: String
    /// Number of counted shards that were discarded.
    public var discarded: Int
}
