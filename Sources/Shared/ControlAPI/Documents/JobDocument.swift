public import Calibration

/// Where a job stands.
public enum JobPhase: String, Codable, Hashable, Sendable, CaseIterable {
    /// Shards are missing.
    case running
    /// Every shard is counted; the result is being made.
    case finalizing
    /// The result is there.
    case completed
    /// It ended without a result.
    case failed
    /// Somebody cancelled it.
    case cancelled
}

/// A job: how far it is, and what it gave.
public struct JobDocument: ControlDocument {
    /// The float model.
    public struct Model: Codable, Hashable, Sendable {
        /// File name without folder.
        public var name: String
        /// Digest of the file.
        public var sha256: ContentDigest

        /// Names a model.
        public init(name: String, sha256: ContentDigest) {
            self.name = name
            self.sha256 = sha256
        }
    }

    /// Why a job ended without a result.
    public struct Failure: Codable, Hashable, Sendable {
        /// The thing, the reason and the remedy.
        public var text: String
        /// The exit status of a command that waits for the job, from sysexits(3).
        public var exitStatus: Int

        /// Describes a failure.
        public init(text: String, exitStatus: Int) {
            self.text = text
            self.exitStatus = exitStatus
        }
    }

    /// A shard for which devices computed different statistics, and no other one could settle which are right.
    public struct Conflict: Codable, Hashable, Sendable {
        /// Index of the shard.
        public var shard: Int
        /// Digest of the statistics that are counted.
        public var counted: ContentDigest
        /// The other digests, in the order in which they came.
        public var others: [ContentDigest]

        /// Describes a conflict.
        public init(shard: Int, counted: ContentDigest, others: [ContentDigest]) {
            self.shard = shard
            self.counted = counted
            self.others = others
        }
    }

    /// A sample that is left out, because it made workers fail.
    public struct PoisonedSample: Codable, Hashable, Sendable {
        /// Index of the sample.
        public var sample: Int
        /// What it did.
        public var text: String

        /// Describes a sample.
        public init(sample: Int, text: String) {
            self.sample = sample
            self.text = text
        }
    }

    /// Its number.
    public var id: UInt64
    /// The name that its submitter gave it.
    public var name: String
    /// Where it stands.
    public var state: JobPhase
    /// A higher one goes first.
    public var priority: Int
    /// The float model.
    public var model: Model
    /// Samples of counted shards, plus those computed of the shards in hand.
    public var samplesDone: Int = 0
    /// Samples of the job.
    public var samplesTotal: Int = 0
    /// Shards that are counted.
    public var shardsDone: Int = 0
    /// Shards of the job.
    public var shardsTotal: Int = 0
    /// Workers that compute for it.
    public var workers: Int = 0
    /// Workers that have the converted model loaded.
    public var workersReady: Int = 0
    /// Samples a second of late; absent while nothing is known.
    public var samplesPerSecond: Double?
    /// Seconds until it ends at this rate; absent while nothing is known.
    public var secondsLeft: Double?
    /// When it was submitted.
    public var submitted: Timestamp
    /// When it ended.
    public var ended: Timestamp?
    /// Why it ended without a result.
    public var failure: Failure?
    /// What it gave, by name.
    public var results: [ResultFile] = []
    /// Shards in conflict, by index.
    public var conflicts: [Conflict] = []
    /// Samples that are left out, by index.
    public var poisonedSamples: [PoisonedSample] = []
    /// Number of the job that goes on with what this one gave; absent when none does.
    public var followUp: UInt64?

    /// A job of which nothing is done.
    public init(id: UInt64, name: String, state: JobPhase, priority: Int, model: Model, submitted: Timestamp) {
        self.id = id
        self.name = name
        self.state = state
        self.priority = priority
        self.model = model
        self.submitted = submitted
    }

    /// Sets the rate, and how long the job takes at this rate; a rate that says nothing sets neither.
    public mutating func setRate(samplesPerSecond rate: Double) {
        let isMeaningful = rate.isFinite && rate > 0
        samplesPerSecond = isMeaningful ? rate : nil
        secondsLeft = isMeaningful ? Double(max(0, samplesTotal - samplesDone)) / rate : nil
    }
}

/// A file that a job gave, kept as a blob.
public struct ResultFile: Codable, Hashable, Sendable {
    /// File name without folder.
    public var name: String
    /// Digest of the file.
    public var sha256: ContentDigest
    /// Size in bytes.
    public var bytes: Int

    /// Names a file.
    public init(name: String, sha256: ContentDigest, bytes: Int) {
        self.name = name
        self.sha256 = sha256
        self.bytes = bytes
    }
}

/// What a completed job gave.
public struct ResultDocument: ControlDocument {
    /// Number of the job.
    public var job: UInt64
    /// Name of the job.
    public var name: String
    /// Where the files are fetched from, in ZeroMQ's form, with `*` for the host by which the client came.
    public var dataEndpoint: String
    /// The files, by name.
    public var files: [ResultFile]

    /// Names the files.
    public init(job: UInt64, name: String, dataEndpoint: String, files: [ResultFile]) {
        self.job = job
        self.name = name
        self.dataEndpoint = dataEndpoint
        self.files = files
    }
}
