public import Calibration

/// A job as a client hands it in.
public struct JobSubmission: Hashable, Sendable {
    /// Random bytes of the client: the same ones again mean the same job.
    public var request: StateIdentifier
    /// What people call it.
    public var name: String
    /// Higher goes first.
    public var priority: Int
    /// Number of shards of its plan.
    public var shardCount: Int
    /// What the client wrote: the job document.
    public var document: [UInt8]
    /// Canonical bytes of the job specification.
    public var specification: [UInt8]
    /// Bytes that say how samples reach the workers.
    public var delivery: [UInt8]
    /// Blobs that have to be in the store, and stay there with the job; their order does not count.
    public var blobs: [ContentDigest]

    /// Describes a submission.
    public init(
        request: StateIdentifier, name: String, priority: Int = 0, shardCount: Int, document: [UInt8],
        specification: [UInt8], delivery: [UInt8], blobs: [ContentDigest] = []
    ) {
        self.request = request
        self.name = name
        self.priority = priority
        self.shardCount = shardCount
        self.document = document
        self.specification = specification
        self.delivery = delivery
        self.blobs = blobs
    }
}

/// Where a job stands.
public enum JobState: String, Hashable, Sendable, CaseIterable {
    /// Shards are missing.
    case running
    /// Every shard is counted; the results are being made.
    case finalizing
    /// The results are there.
    case completed
    /// It ended without a result.
    case failed
    /// Somebody cancelled it.
    case cancelled

    /// Whether nothing more happens to the job.
    public var isEnd: Bool { [.completed, .failed, .cancelled].contains(self) }
}

/// How a job ended.
public struct JobEnd: Hashable, Sendable {
    /// `completed`, `failed` or `cancelled`.
    public var state: JobState
    /// The reason, for people.
    public var text: String
    /// The exit status of a command that waited for the job, as in `sysexits.h`.
    public var exitStatus: Int

    /// Describes an end.
    public init(state: JobState, text: String = "", exitStatus: Int) {
        self.state = state
        self.text = text
        self.exitStatus = exitStatus
    }
}

/// A blob that a job gave.
public struct JobResult: Hashable, Sendable {
    /// What it is: `statistics`, `manifest`, `model`, `report`.
    public var name: String
    /// The blob.
    public var digest: ContentDigest

    /// Names a result.
    public init(name: String, digest: ContentDigest) {
        self.name = name
        self.digest = digest
    }
}

/// A job as lists show it.
public struct JobSummary: Hashable, Sendable {
    /// Its number.
    public var job: UInt64
    /// What people call it.
    public var name: String
    /// Higher goes first.
    public var priority: Int
    /// Number of its shards.
    public var shardCount: Int
    /// Number of shards that are counted.
    public var committedCount: Int
    /// When it was submitted, in milliseconds since 1970; for people only.
    public var submitted: Int
    /// How it ended.
    public var end: JobEnd?
    /// When it ended, in milliseconds since 1970; for people only.
    public var ended: Int?
    /// What it gave, in order of the names.
    public var results: [JobResult]

    /// Where it stands.
    public var state: JobState {
        end?.state ?? (committedCount == shardCount ? .finalizing : .running)
    }
}
