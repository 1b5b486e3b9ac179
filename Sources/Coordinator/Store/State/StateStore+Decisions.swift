internal import Calibration
internal import Foundation
internal import GRDB

/// Something that the coordinator decided or learned and must not forget.
public enum StateDecision: Sendable, Hashable {
    /// A job ends; a completed one with all its results.
    case end(job: UInt64, JobEnd, results: [JobResult])
    /// A sample is left out.
    case poison(job: UInt64, PoisonedSample)
    /// A device is not trusted any more.
    case quarantine(QuarantinedDevice)
    /// A device is trusted again.
    case release(WorkerDevice)
    /// A session was lost while it computed a shard.
    case loss(job: UInt64, ShardLoss)
    /// A counted shard was computed again.
    case witness(job: UInt64, ShardWitness)
    /// A job starts over without a device, which is quarantined.
    case restart(job: UInt64, QuarantinedDevice)
}

extension StateStore {
    /// Records that a job failed or was cancelled.
    public func recordEnd(job: UInt64, _ end: JobEnd, results: [JobResult] = []) throws(StateStoreError) {
        try record([.end(job: job, end, results: results)])
    }

    /// Records that a job is completed, with the blobs that it gave.
    ///
    /// - Throws: `refused` when a shard or a blob is missing.
    public func recordFinalized(
        job: UInt64, results: [JobResult], text: String = "", exitStatus: Int = 0
    ) throws(StateStoreError) {
        try record(
            [.end(job: job, JobEnd(state: .completed, text: text, exitStatus: exitStatus), results: results)])
    }

    /// Records that a sample is left out.
    public func recordPoison(job: UInt64, sample: Int, reason: String) throws(StateStoreError) {
        try record([.poison(job: job, PoisonedSample(sample: sample, reason: reason))])
    }

    /// Records that a device is not trusted any more.
    public func recordQuarantine(_ device: WorkerDevice, reason: String) throws(StateStoreError) {
        try record([.quarantine(QuarantinedDevice(device: device, reason: reason))])
    }

    /// Records that a session was lost while it computed a shard.
    public func recordLoss(job: UInt64, _ loss: ShardLoss) throws(StateStoreError) {
        try record([.loss(job: job, loss)])
    }

    /// Records what another attempt at a counted shard computed.
    public func recordWitness(job: UInt64, _ witness: ShardWitness) throws(StateStoreError) {
        try record([.witness(job: job, witness)])
    }

    /// Starts a job over without a device: no shard is counted any more, and the device is quarantined.
    public func resetJob(_ job: UInt64, without device: WorkerDevice, reason: String) throws(StateStoreError) {
        try record([.restart(job: job, QuarantinedDevice(device: device, reason: reason))])
    }

    /// Records decisions in one transaction, in their order.
    ///
    /// A sample, device, loss or witness that is recorded already stays as it is. Decisions are written below the
    /// low-water mark too.
    ///
    /// - Throws: `refused` when a job does not exist or has an end; nothing is recorded then.
    public func record(_ decisions: [StateDecision]) throws(StateStoreError) {
        guard !decisions.isEmpty else { return }
        let time = now
        let sizes = try resultSizes(decisions)
        try database.write("record decisions", points: Self.points(decisions)) { database in
            for decision in decisions { try Self.apply(decision, sizes: sizes, time: time, to: database) }
        }
    }

    private static func points(_ decisions: [StateDecision]) -> (Failpoint, Failpoint, Failpoint) {
        for decision in decisions {
            switch decision {
            case .end(_, let end, _) where end.state == .completed:
                return (.finalizeBefore, .finalizeDuring, .finalizeAfter)
            case .restart: return (.resetBefore, .resetDuring, .resetAfter)
            default: continue
            }
        }
        return (.decisionBefore, .decisionDuring, .decisionAfter)
    }

    /// The sizes of all blobs that are named as results.
    private func resultSizes(_ decisions: [StateDecision]) throws(StateStoreError) -> [ContentDigest: Int] {
        var sizes: [ContentDigest: Int] = [:]
        var missing: [ContentDigest] = []
        for case .end(_, _, let results) in decisions {
            for digest in results.map(\.digest) {
                if let size = try blobs.size(digest) { sizes[digest] = size } else { missing.append(digest) }
            }
        }
        guard missing.isEmpty else { throw .refused(.missingBlobs(missing)) }
        return sizes
    }

    private static func apply(
        _ decision: StateDecision, sizes: [ContentDigest: Int], time: Int, to database: Database
    ) throws {
        switch decision {
        case .end(let job, let end, let results):
            try apply(end, of: job, results: results, sizes: sizes, time: time, to: database)
        case .poison(let job, let poisoned):
            let number = try openJob(job, database).number
            try insertOnce(
                StateSchema.poisoned, [number, poisoned.sample, poisoned.reason, time], into: database)
        case .quarantine(let quarantined):
            try apply(quarantined, time: time, to: database)
        case .release(let device):
            try database.execute(
                sql: "DELETE FROM quarantined WHERE node = ? AND rank = ?", arguments: [device.node, device.rank])
        case .loss(let job, let loss):
            let number = try openJob(job, database).number
            try insertOnce(
                StateSchema.losses,
                [
                    number, loss.shard, Data(loss.session.bytes), loss.device.node, loss.device.rank, loss.reason, time,
                ], into: database)
        case .witness(let job, let witness):
            let number = try openJob(job, database).number
            try insertOnce(
                StateSchema.witnesses,
                [
                    number, witness.shard, Data(witness.session.bytes), witness.device.node, witness.device.rank,
                    Data(witness.digest.bytes), time,
                ], into: database)
        case .restart(let job, let quarantined):
            try restart(job, without: quarantined, time: time, in: database)
        }
    }

    private static func apply(
        _ end: JobEnd, of job: UInt64, results: [JobResult], sizes: [ContentDigest: Int], time: Int,
        to database: Database
    ) throws {
        guard end.state.isEnd else { throw StateStoreRefusal.malformed("'\(end.state.rawValue)' is no end of a job") }
        let (number, shardCount) = try openJob(job, database)
        let committed = try committedCount(number, database)
        guard end.state != .completed || committed == shardCount else {
            throw StateStoreRefusal.jobIncomplete(job, committed: committed, shards: shardCount)
        }
        try StateSchema.ends.insert([number, end.state.rawValue, end.text, end.exitStatus, time], into: database)
        guard Set(results.map(\.name)).count == results.count else {
            throw StateStoreRefusal.malformed("Two results of job \(job) have one name")
        }
        for result in results {
            guard let size = sizes[result.digest] else { throw StateStoreRefusal.missingBlobs([result.digest]) }
            try StateSchema.results.insert([number, result.name, Data(result.digest.bytes), size], into: database)
        }
        // Completed: the statistics are a result. Failed or cancelled: nobody will go on.
        try database.execute(sql: "DELETE FROM tree_nodes WHERE job = ?", arguments: [number])
    }

    private static func apply(_ quarantined: QuarantinedDevice, time: Int, to database: Database) throws {
        try insertOnce(
            StateSchema.quarantined,
            [quarantined.device.node, quarantined.device.rank, quarantined.reason, time], into: database)
    }

    private static func restart(
        _ job: UInt64, without quarantined: QuarantinedDevice, time: Int, in database: Database
    ) throws {
        let number = try openJob(job, database).number
        let discarded = try committedCount(number, database)
        for table in ["shards", "tree_nodes", "witnesses"] {
            try database.execute(sql: "DELETE FROM \(table) WHERE job = ?", arguments: [number])
        }
        let restart = try Int.fetchOne(
            database, sql: "SELECT count(*) FROM restarts WHERE job = ?", arguments: [number])
        try StateSchema.restarts.insert(
            [
                number, (restart ?? 0) + 1, quarantined.device.node, quarantined.device.rank, quarantined.reason,
                discarded, time,
            ], into: database)
        try apply(quarantined, time: time, to: database)
    }

    /// Adds a row unless one with its key is there.
    private static func insertOnce(
        _ table: SealedTable, _ values: [any DatabaseValueConvertible], into database: Database
    ) throws {
        do {
            try table.insert(values, into: database)
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_PRIMARYKEY {
            return
        }
    }
}
