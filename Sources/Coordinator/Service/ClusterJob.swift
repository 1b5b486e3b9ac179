public import Calibration
public import CoordinatorCore
public import Foundation

/// A job for a cluster: what is computed, where its bytes come from, and how the shards' results become one.
public struct ClusterJob<Statistics: Sendable>: Sendable {
    /// What decides the statistics.
    public var specification: JobSpecification
    /// How samples reach the workers.
    public var delivery: DataDelivery
    /// What workers may fetch: the model's files and whatever else the specification names by digest.
    public var blobs: [Blob]
    /// Where the samples' raw bytes come from when they are streamed.
    public var samples: (any SampleByteSource)?
    /// How the results of shards become one.
    public var reduction: ShardReduction<Statistics>

    /// Describes a job.
    public init(
        specification: JobSpecification, delivery: DataDelivery, blobs: [Blob], samples: (any SampleByteSource)? = nil,
        reduction: ShardReduction<Statistics>
    ) {
        self.specification = specification
        self.delivery = delivery
        self.blobs = blobs
        self.samples = samples
        self.reduction = reduction
    }
}

/// Bytes that workers fetch under their digest.
public struct Blob: Sendable {
    /// Where the bytes are.
    public enum Content: Sendable {
        /// In memory.
        case bytes([UInt8])
        /// In a file that does not change while the job runs.
        case file(URL)
    }

    /// SHA-256 of the bytes.
    public var digest: ContentDigest
    /// Where the bytes are.
    public var content: Content

    /// A blob in memory.
    public init(_ bytes: [UInt8]) {
        digest = ContentDigest(of: bytes)
        content = .bytes(bytes)
    }

    /// A blob in a file.
    public init(file: URL, digest: ContentDigest) {
        self.digest = digest
        content = .file(file)
    }
}

/// Gives the raw bytes of samples; called from one thread.
public protocol SampleByteSource: Sendable {
    /// The bytes of a sample before any decoding.
    ///
    /// - Throws: An error whose description names the sample's file and the reason.
    func bytes(ofSample index: Int) throws -> [UInt8]
}

/// How the results of shards become one.
///
/// Results are merged along a fixed binary tree over the shards' indices, so the outcome does not depend on the order in
/// which they arrive, whatever the merge does.
public struct ShardReduction<Statistics: Sendable>: Sendable {
    /// Reads and checks the result of a shard, whose batches are without the samples that the job has skipped; a batch
    /// that has no others is left out.
    public var decode:
        @Sendable (_ bytes: [UInt8], _ shard: CalibrationPlan.Shard, _ skipped: Set<Int>) throws -> Statistics
    /// Merges the results of neighbouring shards, the one with the lower indices first.
    public var merge: @Sendable (_ lower: Statistics, _ upper: Statistics) throws -> Statistics

    /// The byte form of merged results, which `decodeMerged` reads.
    public var encode: @Sendable (_ merged: Statistics) throws -> [UInt8]
    /// Reads merged results.
    public var decodeMerged: @Sendable (_ bytes: [UInt8]) throws -> Statistics

    /// Describes a reduction.
    public init(
        decode:
            @escaping @Sendable (_ bytes: [UInt8], _ shard: CalibrationPlan.Shard, _ skipped: Set<Int>) throws
            -> Statistics,
        merge: @escaping @Sendable (_ lower: Statistics, _ upper: Statistics) throws -> Statistics,
        encode: @escaping @Sendable (_ merged: Statistics) throws -> [UInt8],
        decodeMerged: @escaping @Sendable (_ bytes: [UInt8]) throws -> Statistics
    ) {
        self.decode = decode
        self.merge = merge
        self.encode = encode
        self.decodeMerged = decodeMerged
    }
}

/// What a job gives.
public struct CalibrationOutcome<Statistics: Sendable>: Sendable {
    /// The statistics of the whole job.
    public var statistics: Statistics
    /// The plan that was followed.
    public var plan: CalibrationPlan
    /// Digest of each shard's statistics.
    public var shardDigests: [ContentDigest]
    /// Shards for which two workers computed different statistics: a device is faulty.
    public var conflicts: [Int]
}

/// What a running cluster tells people.
public enum ClusterNotice: Sendable {
    /// The coordinator listens here; workers may be started.
    case listening(control: String, data: String)
    /// How far the job is; at most ten times a second, and when a shard is counted.
    case progress(CoordinatorProgress)
    /// Something happened to a worker or a shard.
    case occurrence(CoordinatorOccurrence)
    /// A line that a local worker wrote to its standard error.
    case workerLog(worker: Int, line: String)
    /// A message changed nothing: it is none, or its sender may not send it.
    case rejectedFrame(MessageRefusal, text: String)
    /// A peer was not let in.
    case refusedConnection(text: String)
    /// Something was measured.
    case measured(ClusterMeasurement)
    /// A daemon has taken a job.
    case jobSubmitted(job: UInt64, name: String, shards: Int)
    /// A daemon that was started again goes on with a job.
    case jobResumed(job: UInt64, name: String, shardsDone: Int, shards: Int)
    /// The job that a completed job of a daemon asks for was not taken.
    case followUpFailed(job: UInt64, text: String)
    /// A job of a daemon has ended.
    case jobEnded(job: UInt64, JobOutcome)
}
