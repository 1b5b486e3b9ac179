public import Wire

/// The times and limits by which a coordinator judges workers.
public struct CoordinatorConfiguration: Sendable, Hashable {
    /// How often workers send heartbeats.
    public var heartbeatInterval: Duration = .seconds(5)
    /// How long a silent worker keeps its shard.
    public var leaseDuration: Duration = .seconds(30)
    /// How long a worker that is heard may go without progress.
    public var progressTimeout: Duration = .seconds(60)
    /// The progress timeout is at least this many times the median time of a shard.
    public var progressFactor = 5
    /// When an idle worker asks again.
    public var waitInterval: Duration = .seconds(1)
    /// How long after a restart no open shard is handed out, so that workers can say first what they hold.
    public var recoveryGrace: Duration = .seconds(5)
    /// When a decision that the store refused is offered to it again.
    public var storeRetryInterval: Duration = .seconds(1)
    /// How many workers may report that one shard failed, before the job fails.
    public var maximumFailures = 3
    /// How many sessions a shard may lose before it is bisected.
    public var lossesBeforeBisection = 3
    /// How many sessions a sample must lose when it is computed alone, before it is to blame.
    public var lossesBeforeNaming = 2
    /// How often a shard may be bisected without finding a sample, before the job fails.
    public var maximumFruitlessBisections = 2
    /// How many samples of a job may be skipped, before the job fails.
    public var maximumSkippedSamples = 1000
    /// A shard is a straggler when it runs longer than this many times the median shard.
    public var stragglerFactor = 2
    /// How long the end of a job waits for a worker that can settle a conflict, while none is joined.
    public var arbitrationPatience: Duration = .seconds(30)
    /// How many failures in a row before a worker rests.
    public var failuresBeforeRest = 3
    /// The first rest; it doubles with each further failure.
    public var firstRest: Duration = .seconds(10)
    /// The longest rest.
    public var longestRest: Duration = .seconds(100)
    /// How many workers may be joined at once.
    public var maximumWorkers = 4096
    /// Whether workers are told to leave when all jobs have ended: `tare calibrate` has one job and no other will come.
    public var dismissesWorkers = false
    /// Names the coordinator.
    public var cluster = SessionID(high: 0, low: 0)
    /// Grows with each restart of the coordinator; durable before it is used.
    public var epoch: UInt64 = 1
    /// Where the data socket listens, as workers are told.
    public var dataEndpoint = ""

    /// The defaults for a cluster of machines.
    public init() {}
}
