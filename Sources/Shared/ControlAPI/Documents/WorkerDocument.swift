public import Calibration

/// What a worker does.
public enum WorkerPhase: String, Codable, Hashable, Sendable, CaseIterable {
    /// It has no shard.
    case idle
    /// It computes a shard.
    case busy
    /// It failed several times in a row and gets nothing for a while.
    case resting
    /// It leaves when its shard is done.
    case draining
    /// Its device computed wrongly; it gets nothing any more.
    case quarantined
}

/// A worker that has joined.
public struct WorkerDocument: ControlDocument {
    /// Its session: drawn when the process starts.
    public var session: Identifier
    /// Name of its machine.
    public var node: String
    /// Which worker of its machine it is, from 0; names its device.
    public var localRank: Int
    /// Number of its process.
    public var process: Int
    /// What it does.
    public var state: WorkerPhase
    /// The job in hand.
    public var job: UInt64?
    /// The shard in hand.
    public var shard: Int?
    /// Samples a second of late; absent while nothing is known.
    public var samplesPerSecond: Double?
    /// Seconds since its last message.
    public var secondsSinceHeard: Double = 0
    /// Memory in use, as it says.
    public var residentBytes: Int = 0
    /// Shards of it that were counted.
    public var shardsCounted: Int = 0
    /// Failures since its last success.
    public var failuresInARow: Int = 0
    /// Version of Tare that it runs.
    public var build: String
    /// Instruction set that it computes with.
    public var arithmetic: String
    /// Digest of the converted model that it has loaded.
    public var loadedModel: ContentDigest?
    /// Why its device is quarantined.
    public var quarantined: String?

    /// A worker of which nothing is known but what it said when it joined.
    public init(
        session: Identifier, node: String, localRank: Int, process: Int, state: WorkerPhase, build: String,
        arithmetic: String
    ) {
        self.session = session
        self.node = node
        self.localRank = localRank
        self.process = process
        self.state = state
        self.build = build
        self.arithmetic = arithmetic
    }
}
