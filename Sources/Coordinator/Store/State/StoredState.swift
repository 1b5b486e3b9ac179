/// Everything that a coordinator needs to go on.
public struct StoredState: Sendable, Hashable {
    /// The cluster; the same for the life of the state directory.
    public var cluster: StateIdentifier
    /// The epoch that this process opened.
    public var epoch: UInt64
    /// Jobs without an end, in the order of their submission.
    public var unfinished: [StoredJob]
    /// Jobs with an end, in the order of their submission.
    public var finished: [JobSummary]
    /// Devices whose results are not trusted, in order.
    public var quarantined: [QuarantinedDevice]
}

/// A job that goes on.
public struct StoredJob: Sendable, Hashable {
    /// As lists show it.
    public var summary: JobSummary
    /// What was submitted; its blobs in order.
    public var submission: JobSubmission
    /// Counted shards, in order.
    public var shards: [CommittedShard]
    /// The nodes of its tree, in order; they cover exactly the counted shards.
    public var nodes: [TreePosition]
    /// Samples that are left out, in order.
    public var poisoned: [PoisonedSample]
    /// Sessions that were lost with a shard, in order of shard and session.
    public var losses: [ShardLoss]
    /// Further computations of counted shards, in order of shard and session.
    public var witnesses: [ShardWitness]
    /// How often it started over, the first time first.
    public var restarts: [JobRestart]
}
