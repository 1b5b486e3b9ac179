public import Calibration
public import Foundation
public import Wire

/// Computes the shards of one job; made and used by one thread.
public protocol ShardComputer: AnyObject {
    /// Computes the statistics of a shard, batch by batch.
    ///
    /// - Parameters:
    ///   - task: The shard, and which of its samples are computed; a batch without any is left out.
    ///   - progress: To be called with the number of samples done so far, at least after each batch; it throws when the
    ///     result is not wanted any more, and the error must be passed on.
    /// - Returns: The statistics in the byte form that the coordinator reads.
    /// - Throws: `ShardComputationError`, or another error, which counts as a failure of this worker.
    func compute(_ task: ShardTask, progress: (Int) throws -> Void) throws -> [UInt8]
}

/// What of a shard is to be computed.
public struct ShardTask: Sendable {
    /// The shard.
    public let shard: CalibrationPlan.Shard
    /// The samples in question: all of the shard, or a part of it.
    public let part: Range<Int>
    /// Samples that are left out, in increasing order.
    public let excluded: [Int]
    /// The blob that the shard's round computes with; `nil` in jobs without rounds.
    public let input: ContentDigest?

    /// The part that a lease names.
    ///
    /// - Throws: `ShardComputationError` when it is not of the plan.
    public init(_ lease: Lease, plan: CalibrationPlan) throws {
        guard lease.shard.shard < plan.shardCount else {
            throw ShardComputationError(.internal, "\(lease.shard) is beyond the job's \(plan.shardCount) shards")
        }
        shard = plan.shard(lease.shard.shard)
        part =
            switch lease.purpose {
            case .trial(let samples): samples
            case .count, .compare: shard.samples
            }
        excluded = lease.excluded
        input = lease.inputDigest
        guard shard.samples.contains(part.lowerBound), part.upperBound <= shard.samples.upperBound else {
            throw ShardComputationError(.internal, "\(lease.shard) has no samples \(part)")
        }
    }

    /// How many samples are computed.
    public var sampleCount: Int { samples(of: shard.samples).count }

    /// Those of a batch's samples that are computed, in increasing order.
    public func samples(of batch: Range<Int>) -> [Int] {
        let range = batch.clamped(to: part)
        guard !excluded.isEmpty else { return Array(range) }
        let left = Set(excluded)
        return range.filter { !left.contains($0) }
    }
}

/// Makes what computes the shards of a job.
public protocol ShardComputerFactory: Sendable {
    /// Loads the job's model and gets ready.
    ///
    /// - Throws: `ShardComputationError`, or another error, which counts as a failure of this worker.
    func makeComputer(for job: WorkerJob) throws -> any ShardComputer

    /// Loads a job's converted model and gets it ready to run.
    ///
    /// - Throws: `ShardComputationError`, or another error, when the model cannot run on this worker.
    func loadModel(at url: URL) throws -> any LoadedModel
}

/// A converted model that is ready to run; it stays in memory as long as it is held.
public protocol LoadedModel: AnyObject {}

/// Why a shard could not be computed.
public struct ShardComputationError: Error, Sendable {
    /// Whether data, device or memory is at fault.
    public var failureClass: FailureClass
    /// The thing, the reason and the remedy.
    public var text: String
    /// Index of the sample to blame, when there is one.
    public var sample: Int?

    /// Describes a failure.
    public init(_ failureClass: FailureClass, _ text: String, sample: Int? = nil) {
        self.failureClass = failureClass
        self.text = text
        self.sample = sample
    }
}

/// A job as a worker sees it.
public struct WorkerJob {
    /// The shards, and the specification they were cut from.
    public let plan: CalibrationPlan
    /// How samples come.
    public let delivery: DataDelivery
    /// Folder with the model's files under their paths; the first of them is the model.
    public let modelFolder: URL
    /// The raw bytes of samples, when they are streamed; to be used on the computing thread only.
    public let samples: (any StreamedSamples)?
    /// Fetches another blob that the specification names by its digest.
    public let fetchBlob: (ContentDigest) throws -> [UInt8]
}

/// Raw bytes of samples that come from the coordinator.
public protocol StreamedSamples: AnyObject {
    /// Asks for samples ahead of time; what was asked for and not taken stays in memory.
    func prefetch(_ samples: Range<Int>)
    /// The bytes of a sample; waits for them.
    ///
    /// - Throws: `ShardComputationError` when the coordinator cannot read the sample.
    func bytes(ofSample index: Int) throws -> [UInt8]
}

/// Thrown through a computation whose result is not wanted any more.
struct Interruption: Error {}
