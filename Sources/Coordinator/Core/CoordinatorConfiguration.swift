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
    /// How many workers may report that one shard failed, before the job fails.
    public var maximumFailures = 3
    /// How many workers may be lost while computing one shard, before the job fails.
    public var maximumLosses = 5
    /// When an idle worker asks again.
    public var waitInterval: Duration = .seconds(1)
    /// How many failures in a row before a worker rests.
    public var failuresBeforeRest = 3
    /// The first rest; it doubles with each further failure.
    public var firstRest: Duration = .seconds(10)
    /// The longest rest.
    public var longestRest: Duration = .seconds(100)
    /// How many workers may be joined at once.
    public var maximumWorkers = 4096
    /// Names the coordinator.
    public var cluster = SessionID(high: 0, low: 0)
    /// Grows with each restart of the coordinator.
    public var epoch: UInt64 = 1
    /// Where the data socket listens, as workers are told.
    public var dataEndpoint = ""

    /// The defaults for a cluster of machines.
    public init() {}
}
