internal import ControlAPI
public import CoordinatorCore
internal import Wire

/// An occurrence in the words of people and programs.
struct OccurrenceFacts {
    var level = EventLevel.info
    var kind: String
    var text: String
    var job: UInt64?
    var shard: Int?
    var session: SessionID?
    var node: String?
}

extension CoordinatorOccurrence {
    /// What happened, for people.
    public var text: String { facts.text }

    /// Whether somebody should look.
    public var isTrouble: Bool { facts.level != .info }

    /// What it is about.
    var facts: OccurrenceFacts {
        switch self {
        case .workerJoined(let session, let node, let process):
            OccurrenceFacts(
                kind: "worker-joined", text: "worker \(process) on \(node) joined", session: session, node: node)
        case .workerRejected(let node, let process, let text):
            OccurrenceFacts(
                level: .warning, kind: "worker-rejected",
                text: "worker \(process) on \(node) was turned away: \(text)", node: node)
        case .workerLeft(let session, let node, let process, let text):
            OccurrenceFacts(
                kind: "worker-left", text: "worker \(process) on \(node) left: \(text)", session: session, node: node)
        case .shardCommitted(let job, let shard, let session, _, _):
            OccurrenceFacts(
                kind: "shard-counted", text: "shard \(shard) of job \(job) is counted", job: job, shard: shard,
                session: session)
        case .shardReturned(let job, let shard, let session, let text):
            OccurrenceFacts(
                level: .warning, kind: "shard-returned",
                text: "shard \(shard) of job \(job) goes to another worker: \(text)", job: job, shard: shard,
                session: session)
        case .shardSpeculated(let job, let shard, let session):
            OccurrenceFacts(
                kind: "shard-speculated", text: "shard \(shard) of job \(job) runs long and gets a second worker",
                job: job, shard: shard, session: session)
        case .bisectionStarted(let job, let shard, let losses):
            OccurrenceFacts(
                level: .warning, kind: "bisection-started",
                text: "shard \(shard) of job \(job) cost \(losses) workers; its parts are tried alone", job: job,
                shard: shard)
        case .sampleSkipped(let job, let sample, let text):
            OccurrenceFacts(
                level: .warning, kind: "sample-skipped", text: "sample \(sample) of job \(job) is left out: \(text)",
                job: job)
        default: troubleFacts
        }
    }

    /// Occurrences that mean that a device or the store is not well.
    private var troubleFacts: OccurrenceFacts {
        switch self {
        case .conflict(let job, let shard, let session, let counted, let other):
            OccurrenceFacts(
                level: .error, kind: "conflict",
                text: "two workers computed different statistics for shard \(shard) of job \(job) (\(counted) and "
                    + "\(other)): one of their devices is faulty", job: job, shard: shard, session: session)
        case .deviceQuarantined(let device, let text):
            OccurrenceFacts(
                level: .error, kind: "device-quarantined", text: "device \(device) gets no more work: \(text)",
                node: device.node)
        case .jobReset(let job, let device):
            OccurrenceFacts(
                level: .error, kind: "job-reset",
                text: "job \(job) starts over, because the faulty device \(device) had computed some of its shards",
                job: job, node: device.node)
        case .resultInDoubt(let job, let device):
            OccurrenceFacts(
                level: .error, kind: "result-in-doubt",
                text: "job \(job) has a result that contains shards of the faulty device \(device); submit it again",
                job: job, node: device.node)
        case .auditSkipped(let job, let shards):
            OccurrenceFacts(
                level: .warning, kind: "audit-skipped",
                text:
                    "\(shards) \(shards == 1 ? "shard" : "shards") of job \(job) could not be audited: no other node finished it",
                job: job)
        case .modelNotLoaded(let job, let session, let text):
            OccurrenceFacts(
                level: .warning, kind: "model-not-loaded",
                text: "a worker cannot load the model of job \(job): \(text)",
                job: job, session: session)
        case .storeRefuses(let text):
            OccurrenceFacts(level: .error, kind: "store-refuses", text: "nothing can be kept at the moment: \(text)")
        case .storeRecovered:
            OccurrenceFacts(kind: "store-recovered", text: "the state directory takes everything again")
        default: OccurrenceFacts(kind: "other", text: "\(self)")
        }
    }
}
