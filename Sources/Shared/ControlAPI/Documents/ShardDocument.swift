public import Calibration

/// Where a shard stands.
public enum ShardPhase: String, Codable, Hashable, Sendable, CaseIterable {
    /// Nobody has it.
    case pending
    /// A worker computes it.
    case leased
    /// Its result is on the way into the store.
    case storing
    /// It is counted.
    case committed
    /// It cost several workers: the guilty sample is looked for, or a decision is being recorded.
    case held
}

/// A shard of a job.
public struct ShardDocument: ControlDocument {
    /// Its index.
    public var index: Int
    /// Index of its first sample.
    public var firstSample: Int
    /// Number of its samples.
    public var samples: Int
    /// Where it stands.
    public var state: ShardPhase
    /// How often it was handed out.
    public var attempts: Int
    /// Who has it, or whose result is counted: the session's first eight digits and the node.
    public var worker: String?
    /// Seconds that the counted attempt took, or that the attempt in hand has taken so far.
    public var seconds: Double?
    /// Digest of its statistics, when it is counted.
    public var sha256: ContentDigest?

    /// A shard of which nothing is known but its place.
    public init(index: Int, firstSample: Int, samples: Int, state: ShardPhase, attempts: Int) {
        self.index = index
        self.firstSample = firstSample
        self.samples = samples
        self.state = state
        self.attempts = attempts
    }
}
