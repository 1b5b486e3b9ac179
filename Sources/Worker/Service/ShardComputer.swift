public import Calibration
public import Foundation
public import Wire

/// Computes the shards of one job; made and used by one thread.
public protocol ShardComputer: AnyObject {
    /// Computes the statistics of a shard, batch by batch.
    ///
    /// - Parameters:
    ///   - shard: The shard.
    ///   - progress: To be called with the number of samples done so far, at least after each batch; it throws when the
    ///     result is not wanted any more, and the error must be passed on.
    /// - Returns: The statistics in the byte form that the coordinator reads.
    /// - Throws: `ShardComputationError`, or another error, which counts as a failure of this worker.
    func compute(_ shard: CalibrationPlan.Shard, progress: (Int) throws -> Void) throws -> [UInt8]
}

/// Makes what computes the shards of a job.
public protocol ShardComputerFactory: Sendable {
    /// Loads the job's model and gets ready.
    ///
    /// - Throws: `ShardComputationError`, or another error, which counts as a failure of this worker.
    func makeComputer(for job: WorkerJob) throws -> any ShardComputer
}

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
