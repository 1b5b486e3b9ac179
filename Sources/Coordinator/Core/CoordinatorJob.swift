public import Calibration
public import Wire

/// A job as the coordinator hands it out.
public struct CoordinatorJob: Sendable, Hashable {
    /// Names the job on the wire, from 1.
    public let id: UInt64
    /// The shards.
    public let plan: CalibrationPlan
    /// The blob that says how samples reach the workers.
    public let deliveryDigest: ContentDigest
    /// Jobs with a higher priority are served first.
    public var priority = 0
    /// What happens to a sample that cannot be computed.
    public var poisonPolicy = PoisonPolicy.fail
    /// How many percent of the shards are computed a second time on another node, 0 to 100.
    public var auditPercent = 0.0
    /// Whether a straggler's shard is given to an idle worker too.
    public var speculates = true
    /// How the shards follow on each other; `nil` when they do not.
    public var rounds: JobRounds?

    /// Makes a job.
    public init(id: UInt64, plan: CalibrationPlan, deliveryDigest: ContentDigest) {
        self.id = id
        self.plan = plan
        self.deliveryDigest = deliveryDigest
    }
}

/// Shards that are computed round by round, each round with what followed from the one before.
public struct JobRounds: Sendable, Hashable {
    /// Shards of a round.
    public let shardsPerRound: Int
    /// The blob that the first round computes with.
    public let firstInput: ContentDigest

    /// Describes rounds.
    public init(shardsPerRound: Int, firstInput: ContentDigest) {
        self.shardsPerRound = shardsPerRound
        self.firstInput = firstInput
    }
}

/// What happens to a sample that cannot be computed.
public enum PoisonPolicy: Sendable, Hashable, CaseIterable {
    /// The job fails and names it.
    case fail
    /// It is recorded and left out.
    case skip
}

/// Where a worker computes; what is quarantined when it computes wrongly.
public struct Device: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Host name.
    public let node: String
    /// Number of the worker on its host.
    public let localRank: Int

    /// Names a device.
    public init(node: String, localRank: Int) {
        self.node = node
        self.localRank = localRank
    }

    /// Orders devices by node, then by rank.
    public static func < (left: Device, right: Device) -> Bool {
        (left.node, left.localRank) < (right.node, right.localRank)
    }

    /// For example `gpu7/2`.
    public var description: String { "\(node)/\(localRank)" }
}

/// How a job ended.
public enum JobOutcome: Sendable, Hashable {
    /// Every shard is counted and the result is kept; the model is `nil` when the job makes none.
    case completed(JobModel?)
    /// It has no result.
    case failed(JobFailure)
}

/// Why a job ended without a result.
public enum JobFailure: Error, Sendable, Hashable {
    /// Somebody cancelled it.
    case cancelled(text: String)
    /// The data or the model is at fault; `sample` is the index of the sample when one is.
    case data(text: String, sample: Int?)
    /// A sample makes workers crash, hang or run out of memory.
    case poison(sample: Int, losses: Int, text: String)
    /// Several workers could not compute a shard; the last reason.
    case shard(index: Int, samples: Range<Int>, attempts: Int, text: String)
    /// Several workers were lost while they computed a shard, and no single sample of it is to blame.
    case losses(index: Int, samples: Range<Int>, losses: Int)
    /// No worker is left that could compute.
    case workers(text: String)
    /// The statistics of shards could not be kept or merged.
    case store(text: String)
    /// The statistics are complete, but no model could be made of them.
    case conversion(text: String)
}

extension JobFailure: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .cancelled(let text): "The job was cancelled: \(text)"
        case .data(let text, nil): text
        case .data(let text, let sample?): "Sample \(sample): \(text)"
        case .poison(let sample, let losses, let text):
            "Sample \(sample) was computed alone and cost \(losses) workers, the last one with: \(text); take it out of "
                + "the data, give workers more memory, or submit the job with --on-poison skip"
        case .shard(let index, let samples, let attempts, let text):
            "\(attempts) workers could not compute shard \(index) (samples \(samples.lowerBound) to "
                + "\(samples.upperBound - 1)); the last reason: \(text)"
        case .losses(let index, let samples, let losses):
            "\(losses) workers were lost while computing shard \(index) (samples \(samples.lowerBound) to "
                + "\(samples.upperBound - 1)), but none of its parts costs a worker alone; give workers more memory, or "
                + "make batches smaller"
        case .workers(let text): "No worker is left: \(text)"
        case .store(let text): "The statistics cannot be merged: \(text)"
        case .conversion(let text): "The model cannot be converted: \(text)"
        }
    }
}
