/// The cluster as a whole.
public struct ClusterDocument: ControlDocument {
    /// Version of Tare that the coordinator runs.
    public var build: String
    /// Version of the protocol between coordinator and workers.
    public var `protocol`: Int
    /// Drawn when the state directory was made.
    public var cluster: Identifier
    /// How often the coordinator was started with this state directory.
    public var epoch: UInt64
    /// Whether it takes and hands out work.
    public var isReady: Bool
    /// Why not.
    public var reasons: [String] = []
    /// When it was started.
    public var started: Timestamp
    /// Jobs that are running or being finalized.
    public var jobsOpen: Int = 0
    /// Jobs that have ended.
    public var jobsEnded: Int = 0
    /// Workers that have joined.
    public var workers: Int = 0
    /// Workers that compute a shard.
    public var workersBusy: Int = 0
    /// Shards of running jobs that are counted.
    public var shardsDone: Int = 0
    /// Shards of running jobs.
    public var shardsTotal: Int = 0
    /// Devices that computed wrongly, by name.
    public var quarantinedDevices: [String] = []
    /// Bytes that the state directory's file system has free.
    public var freeBytes: Int = 0

    /// A cluster without jobs and workers.
    public init(
        build: String, protocol: Int, cluster: Identifier, epoch: UInt64, isReady: Bool, started: Timestamp
    ) {
        self.build = build
        self.protocol = `protocol`
        self.cluster = cluster
        self.epoch = epoch
        self.isReady = isReady
        self.started = started
    }
}
