internal import Calibration
public import CoordinatorStore

/// What a state store must hold, in plain memory.
public struct StateModel: Sendable {
    /// A job.
    public struct Job: Sendable {
        var number: UInt64
        var submission: JobSubmission
        var tree: MergeTree<Fold>
        var shards: [Int: String] = [:]
        var poisoned: [Int: String] = [:]
        var losses: [String: String] = [:]
        var witnesses: [String: String] = [:]
        var restarts: [String] = []
        var end: JobEnd?
        var results: [String] = []

        var missingShards: [Int] { (0..<submission.shardCount).filter { shards[$0] == nil } }
    }

    /// Jobs in the order of their submission.
    public var jobs: [Job] = []
    /// Devices and reasons.
    public var quarantined: [WorkerDevice: String] = [:]

    /// An empty state.
    public init() {}

    /// The indices of jobs without an end.
    var open: [Int] { jobs.indices.filter { jobs[$0].end == nil } }

    /// Everything, a line each, as `lines(of:)` writes it for a store.
    public var lines: [String] {
        var lines: [String] = []
        for job in jobs {
            let state = job.end?.state ?? (job.missingShards.isEmpty ? .finalizing : .running)
            lines.append(
                "job \(job.number) \(job.submission.request) \(job.submission.name) \(job.submission.priority) "
                    + "\(job.submission.shardCount) \(state) \(job.submission.blobs.sorted())")
            if let end = job.end { lines.append("  end \(end.text) \(end.exitStatus)") }
            lines += job.results.sorted().map { "  result \($0)" }
            lines += job.shards.keys.sorted().map { "  shard \($0) \(job.shards[$0] ?? "")" }
            guard job.end == nil else { continue }
            for position in job.tree.positions {
                lines.append("  node \(position) \(job.tree.value(at: position)?.leaves ?? [])")
            }
            lines += job.poisoned.keys.sorted().map { "  poisoned \($0) \(job.poisoned[$0] ?? "")" }
            lines += job.losses.keys.sorted().map { "  loss \($0) \(job.losses[$0] ?? "")" }
            lines += job.witnesses.keys.sorted().map { "  witness \($0) \(job.witnesses[$0] ?? "")" }
            lines += job.restarts.map { "  restart \($0)" }
        }
        lines += quarantined.keys.sorted().map { "quarantined \($0) \(quarantined[$0] ?? "")" }
        return lines
    }

    /// Everything in a store, a line each, after every node and every result was read.
    ///
    /// - Throws: What the store throws; `ScenarioFailure` when the tree of a job has nodes that are none.
    public static func lines(of store: StateStore) throws -> [String] {
        var lines: [String] = []
        let state = try store.recover()
        let recovered = Dictionary(uniqueKeysWithValues: state.unfinished.map { ($0.summary.job, $0) })
        for summary in try store.jobs() {
            let submission = try store.submission(of: summary.job)
            lines.append(
                "job \(summary.job) \(submission.request) \(summary.name) \(summary.priority) \(summary.shardCount) "
                    + "\(summary.state) \(submission.blobs)")
            for digest in submission.blobs { _ = try store.blobs.bytes(digest) }
            if let end = summary.end { lines.append("  end \(end.text) \(end.exitStatus)") }
            for result in summary.results {
                _ = try store.blobs.bytes(result.digest)
                lines.append("  result \(result.name) \(result.digest)")
            }
            for shard in try store.shards(of: summary.job) { lines.append("  shard \(shard.shard) \(shard.line)") }
            guard let job = recovered[summary.job] else { continue }
            let tree = try store.tree(of: job) { bytes, position in
                guard let fold = Fold(bytes) else { throw ScenarioFailure("The node at \(position) is no statistics") }
                return fold
            }
            for position in tree.positions {
                lines.append("  node \(position) \(tree.value(at: position)?.leaves ?? [])")
            }
            lines += job.poisoned.map { "  poisoned \($0.sample) \($0.reason)" }
            lines += job.losses.map { "  loss \(key($0.shard, $0.session)) \($0.device) \($0.reason)" }
            lines += job.witnesses.map { "  witness \(key($0.shard, $0.session)) \($0.device) \($0.digest)" }
            lines += job.restarts.map { "  restart \($0.device) \($0.reason) \($0.discarded)" }
        }
        lines += state.quarantined.map { "quarantined \($0.device) \($0.reason)" }
        return lines
    }

    /// Sorts as shard and session do.
    static func key(_ shard: Int, _ session: StateIdentifier) -> String {
        String(repeating: "0", count: 8 - String(shard).count) + "\(shard) \(session)"
    }
}

extension CommittedShard {
    fileprivate var line: String { "\(attempt) \(session) \(device) \(digest) \(size) \(samples)" }
}

extension ShardCommit {
    var line: String { "\(attempt) \(session) \(device) \(digest) \(size) \(samples)" }
}

/// Why a scenario cannot go on.
public struct ScenarioFailure: Error, CustomStringConvertible {
    /// What went wrong.
    public var description: String

    init(_ description: String) {
        self.description = description
    }
}
