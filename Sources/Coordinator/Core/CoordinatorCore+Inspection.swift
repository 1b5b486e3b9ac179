internal import Calibration
internal import Wire

/// How far a job is.
public struct CoordinatorProgress: Sendable, Hashable {
    /// Samples of shards that are counted, plus those that workers have computed of the shards in hand.
    public var samplesDone: Int
    /// Samples of the job.
    public var samplesTotal: Int
    /// Shards that are counted.
    public var shardsDone: Int
    /// Shards of the job.
    public var shardsTotal: Int
    /// Workers that are joined.
    public var workers: Int
    /// Workers that hold a shard.
    public var busyWorkers: Int
}

extension CoordinatorCore {
    /// How far the job is.
    public var progress: CoordinatorProgress {
        var inHand = 0
        var busy = 0
        for id in sessionOrder {
            guard let shard = sessions[id]?.shard else { continue }
            busy += 1
            switch shards.states[shard] {
            case .leased(let lease): inHand += lease.samples
            case .storing(let request, _): inHand += request.commit.samples
            case .pending, .committed: break
            }
        }
        let total = job?.plan.specification.sampleCount ?? 0
        return CoordinatorProgress(
            samplesDone: min(total, committedSamples + inHand), samplesTotal: total, shardsDone: shards.committedCount,
            shardsTotal: shards.count, workers: sessionOrder.count, busyWorkers: busy)
    }

    /// Samples of counted shards: all but the last shard have the same number.
    private var committedSamples: Int {
        guard let job, shards.count > 0 else { return 0 }
        var samples = shards.committedCount * job.plan.shard(0).samples.count
        if case .committed = shards.states[shards.count - 1] {
            samples += job.plan.shard(shards.count - 1).samples.count - job.plan.shard(0).samples.count
        }
        return samples
    }

    /// Whether no worker is joined.
    public var hasNoWorkers: Bool { sessionOrder.isEmpty }

    /// What is inconsistent, for tests; empty unless there is a bug.
    public func checkInvariants() -> [String] {
        var wrong: [String] = []
        if Set(sessionOrder) != Set(sessions.keys) || sessionOrder.count != sessions.count {
            wrong.append("session order and sessions differ")
        }
        var held: Set<Int> = []
        for id in sessionOrder {
            guard let session = sessions[id], let shard = session.shard else { continue }
            if !held.insert(shard).inserted { wrong.append("shard \(shard) is held twice") }
            switch shards.states[shard] {
            case .leased(let lease) where lease.session == id: break
            case .storing(_, let holder?) where holder.session == id: break
            default: wrong.append("session \(id) holds shard \(shard), which is \(shards.states[shard])")
            }
            if session.isWaiting { wrong.append("session \(id) waits with a shard") }
        }
        var committed = 0
        for shard in 0..<shards.count {
            let isQueued = shards.returned.contains(shard)
            switch shards.states[shard] {
            case .pending:
                if isQueued == (shard >= shards.freshIndex) {
                    wrong.append("pending shard \(shard) is not offered once")
                }
            case .leased(let lease):
                if sessions[lease.session]?.shard != shard { wrong.append("shard \(shard) is leased to nobody") }
                if isQueued { wrong.append("leased shard \(shard) is offered") }
            case .storing, .committed:
                if isQueued { wrong.append("counted shard \(shard) is offered") }
                if case .committed = shards.states[shard] { committed += 1 }
            }
        }
        if committed != shards.committedCount {
            wrong.append("\(committed) shards are counted, not \(shards.committedCount)")
        }
        if shards.returned != shards.returned.sorted(by: { (shards.blame($0), $0) < (shards.blame($1), $1) }) {
            wrong.append("returned shards are out of order")
        }
        if jobState == .completed, !shards.isComplete { wrong.append("completed with open shards") }
        if !sessionOrder.isEmpty, checkAt == nil { wrong.append("sessions without a deadline") }
        return wrong
    }
}
