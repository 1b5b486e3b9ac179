import Wire

extension Message {
    /// The message in a few words, for people who follow a run.
    var summary: String {
        switch self {
        case .lease(let lease): "Lease \(lease.shard.job):\(lease.shard.shard)/\(lease.shard.attempt) \(lease.purpose)"
        case .commit(let commit): "Commit \(commit.shard.job):\(commit.shard.shard)/\(commit.shard.attempt)"
        case .commitAck(let shard, let result, _, let text): "CommitAck \(shard.job):\(shard.shard) \(result) \(text)"
        case .heartbeat(let progress, _):
            "Heartbeat \(progress.map { "\($0.shard.shard)/\($0.shard.attempt) \($0.samples)" })"
        case .heartbeatAck(let cancel, let drain): "HeartbeatAck \(cancel.map(\.shard)) \(drain)"
        case .fail(let failure): "Fail \(failure.shard.shard) \(failure.failureClass)"
        case .hello(let hello): "Hello \(hello.resume.map(\.shard))"
        default: kind.rawValue
        }
    }
}
