public import Calibration
public import CoordinatorStore

/// A job that is ready to be handed out: what the core decides with, where the workers' bytes come from, and what becomes of
/// the merged statistics.
public struct PreparedJob<Statistics: Sendable>: Sendable {
    /// What people call it.
    public var name: String
    /// How it is scheduled, and what happens to samples and devices that fail.
    public var policy: JobPolicy
    /// What decides the statistics.
    public var plan: CalibrationPlan
    /// How samples reach the workers.
    public var delivery: DataDelivery
    /// Blobs of the store that workers fetch: the model's files.
    public var blobs: [ContentDigest]
    /// Where the samples' raw bytes come from when they are streamed.
    public var samples: (any SampleByteSource)?
    /// How the results of shards become one.
    public var reduction: ShardReduction<Statistics>
    /// Makes the files of the result; slow, on a thread of its own.
    public var finish: @Sendable (Statistics, JobFindings) throws -> [ResultContent]
    /// All that `JobFactory.restore` needs to make this job again after a restart.
    public var document: [UInt8]

    /// Describes a job.
    public init(
        name: String, policy: JobPolicy, plan: CalibrationPlan, delivery: DataDelivery, blobs: [ContentDigest],
        samples: (any SampleByteSource)?, reduction: ShardReduction<Statistics>,
        finish: @escaping @Sendable (Statistics, JobFindings) throws -> [ResultContent], document: [UInt8]
    ) {
        self.name = name
        self.policy = policy
        self.plan = plan
        self.delivery = delivery
        self.blobs = blobs
        self.samples = samples
        self.reduction = reduction
        self.finish = finish
        self.document = document
    }
}

/// How a job is scheduled, and what happens to samples and devices that fail.
public struct JobPolicy: Sendable, Hashable, Codable {
    /// Jobs with a higher priority are served first.
    public var priority = 0
    /// Whether a sample that cannot be computed is left out instead of ending the job.
    public var skipsPoison = false
    /// How many percent of the shards are computed a second time on another node, 0 to 100.
    public var auditPercent = 0.0

    /// The usual policy.
    public init() {}
}

/// What the cluster found out about a job while it computed it; part of its manifest.
public struct JobFindings: Sendable, Hashable {
    /// Shards for which two devices computed different statistics and no third one settled which is right.
    public var conflicts: [Int] = []
    /// Samples that were left out because workers cannot compute them.
    public var skipped: [PoisonedSample] = []

    /// Collects findings.
    public init(conflicts: [Int] = [], skipped: [PoisonedSample] = []) {
        self.conflicts = conflicts
        self.skipped = skipped
    }
}

/// A file of a job's result.
public struct ResultContent: Sendable {
    /// What it is.
    public enum Name: String, Sendable, CaseIterable {
        case model
        case manifest
        case statistics
        /// The quantized state dictionary of a job for the simulated device, as safetensors.
        case state
    }

    /// What it is.
    public var name: Name
    /// Its bytes.
    public var bytes: [UInt8]

    /// Describes a file.
    public init(_ name: Name, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }
}

/// Makes jobs of what clients submit.
public protocol JobFactory<Statistics>: Sendable {
    /// The merged results of the job's shards.
    associatedtype Statistics: Sendable

    /// Opens the files that a submission names and checks everything that can be checked before a shard is computed.
    ///
    /// Slow; called on a thread of its own. What workers fetch is put into the blob store.
    ///
    /// - Parameters:
    ///   - words: The job as a command line.
    ///   - blobs: Where the model's files go.
    /// - Returns: The job, ready to be computed.
    /// - Throws: An error whose description tells the client the thing, the reason and the remedy.
    func prepare(_ words: [String], blobs: BlobStore) throws -> PreparedJob<Statistics>

    /// Makes a job again after a restart, without reading its data.
    ///
    /// - Parameters:
    ///   - document: What `prepare` kept.
    ///   - plan: The plan that was submitted.
    ///   - blobs: Where the model's files are.
    /// - Returns: The job as it was prepared.
    /// - Throws: An error whose description says what of the kept job is unusable.
    func restore(_ document: [UInt8], plan: CalibrationPlan, blobs: BlobStore) throws -> PreparedJob<Statistics>

    /// The job that a completed job asks for; it is taken once, also when the coordinator is started again in between.
    ///
    /// - Parameters:
    ///   - document: What `prepare` kept.
    ///   - job: Number of the completed job.
    ///   - results: What it gave.
    ///   - skipped: Samples that were left out, by index.
    /// - Returns: `nil` for a job that asks for none.
    /// - Throws: An error whose description says what of the kept job is unusable.
    func followUp(
        _ document: [UInt8], job: UInt64, results: [ResultContent.Name: ContentDigest], skipped: [PoisonedSample]
    ) throws -> JobFollowUp?
}

extension JobFactory {
    /// No job asks for another one.
    public func followUp(
        _ document: [UInt8], job: UInt64, results: [ResultContent.Name: ContentDigest], skipped: [PoisonedSample]
    ) throws -> JobFollowUp? { nil }
}

/// A job that comes of another one.
public struct JobFollowUp: Sendable, Hashable {
    /// What people call it.
    public var name: String
    /// The job as a command line.
    public var words: [String]

    /// Describes a job.
    public init(name: String, words: [String]) {
        self.name = name
        self.words = words
    }
}
