import Calibration
import CoordinatorCore
import Wire

/// What a coordinator's disk holds: only what was synced.
struct SimulatedStore {
    struct Job {
        var job: CoordinatorJob
        var values: [UInt64?]
        var shards: [Int: RecoveredJob.Shard] = [:]
        var skipped: [Int] = []
        var decisions: [Decision] = []
        var outcome: JobOutcome?
        var resets = 0
        /// Merged in the order of arrival: what must not decide the result.
        var folded: UInt64 = 0
        /// Merged once more although they were counted.
        var repeated: UInt64?
        /// In a job of rounds: what the first round computes with, and what came of each that is closed.
        var inputs: [UInt64] = []
        /// Rounds that the coordinator was told to hand out.
        var openedRounds = 1
        /// Decides the results of rounds, besides their inputs and samples, as the seed of a training does.
        let seed: Int
        /// The shards that are stored, in the order of arrival.
        var arrived: [Int] = []

        init(job: CoordinatorJob, seed: Int) {
            self.job = job
            self.seed = seed
            values = Array(repeating: nil, count: job.plan.shardCount)
            if job.rounds != nil { inputs = [SimulatedStore.firstInput(job)] }
        }

        /// Forgets every shard.
        mutating func reset() {
            let resets = resets + 1
            let (skipped, decisions, outcome) = (skipped, decisions, outcome)
            self = Self(job: job, seed: seed)
            (self.resets, self.skipped, self.outcome) = (resets, skipped, outcome)
            self.decisions = decisions.filter {
                if case .disputed = $0 { false } else { true }
            }
        }
    }

    enum Operation {
        case submit(Int)
        case commit(StoreRequest)
        case decide(Decision)
        case finalize(UInt64, conflicts: [Int])
    }

    var epoch: UInt64 = 0
    /// In the order of submission.
    var jobs: [Job] = []
    var quarantined: [Device] = []

    func position(_ id: UInt64) -> Int? { jobs.firstIndex { $0.job.id == id } }

    func job(_ id: UInt64) -> Job? { position(id).map { jobs[$0] } }

    /// What the next coordinator is told.
    func recovered() -> RecoveredState {
        var state = RecoveredState()
        state.quarantined = quarantined
        for job in jobs {
            var recovered = RecoveredJob(job: job.job, outcome: job.outcome)
            recovered.committed = job.shards.keys.sorted().compactMap { job.shards[$0] }
            recovered.skipped = job.skipped
            recovered.decisions = job.decisions
            recovered.resets = job.resets
            state.jobs.append(recovered)
        }
        return state
    }

    /// Takes a commit whose statistics are here.
    ///
    /// - Returns: What is wrong with it.
    mutating func commit(_ request: StoreRequest, value: UInt64?) -> String? {
        guard let j = position(request.commit.shard.job) else { return "a commit to no job" }
        let shard = request.commit.shard.shard
        guard jobs[j].shards[shard] == nil else { return "shard \(shard) of job \(jobs[j].job.id) is stored twice" }
        jobs[j].shards[shard] = .init(index: shard, digest: request.commit.digest, device: request.device)
        jobs[j].values[shard] = value
        jobs[j].arrived.append(shard)
        if let value { jobs[j].folded = jobs[j].folded == 0 ? value : Self.merge(jobs[j].folded, value) }
        return nil
    }

    mutating func decide(_ decision: Decision) {
        switch decision {
        case .ended(let job, let failure):
            if let j = position(job), jobs[j].outcome == nil { jobs[j].outcome = .failed(failure) }
        case .skipped(let job, let sample, _):
            if let j = position(job), !jobs[j].skipped.contains(sample) { jobs[j].skipped.append(sample) }
        case .quarantined(let device, _, let resets):
            if !quarantined.contains(device) { quarantined.append(device) }
            for job in resets {
                guard let j = position(job) else { continue }
                jobs[j].reset()
            }
        case .disputed(let job, _, _, _), .blamed(let job, _, _, _):
            if let j = position(job) { jobs[j].decisions.append(decision) }
        }
    }

    /// The result of a job, merged along the tree over its shards; `nil` when no shard has samples.
    static func root(_ values: [UInt64?]) -> UInt64? {
        var level = values
        while level.count > 1 {
            level = stride(from: 0, to: level.count, by: 2).map { index in
                guard index + 1 < level.count, let upper = level[index + 1] else { return level[index] }
                guard let lower = level[index] else { return upper }
                return merge(lower, upper)
            }
        }
        return level.first ?? nil
    }

    /// Depends on the order and on every step, unlike the real statistics: a wrong tree shows.
    static func merge(_ lower: UInt64, _ upper: UInt64) -> UInt64 {
        Randomness.mix(lower &* 3 &+ Randomness.mix(upper) | 1)
    }

    /// The right result of a shard.
    static func value(_ job: CoordinatorJob, _ samples: [Int]) -> UInt64 {
        samples.reduce(job.id &* 0x9E37_79B9) { Randomness.mix($0 &* 31 &+ UInt64($1) &+ 1) }
    }

    /// The right results of all shards without some samples; `nil` for a shard without any.
    static func values(_ job: CoordinatorJob, without skipped: [Int]) -> [UInt64?] {
        let left = Set(skipped)
        return (0..<job.plan.shardCount).map { shard in
            let samples = job.plan.shard(shard).samples.filter { !left.contains($0) }
            return samples.isEmpty ? nil : value(job, samples)
        }
    }

    /// The digest of a value.
    static func digest(_ value: UInt64) -> ContentDigest {
        ContentDigest(of: (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) })
    }

    /// A number that changes when anything does that matters.
    var fingerprint: UInt64 {
        var hash: UInt64 = epoch == 0 ? 1 : 2
        func add(_ value: UInt64) { hash = Randomness.mix(hash &* 31 &+ value) }
        for job in jobs {
            for value in job.values { add(value ?? 7) }
            for input in job.inputs { add(input) }
            for sample in job.skipped { add(UInt64(sample)) }
            add(UInt64(job.shards.count))
            add(UInt64(job.resets))
            switch job.outcome {
            case nil: add(0)
            case .completed: add(1)
            case .failed(let failure): add(failure.description.utf8.reduce(5) { $0 &* 31 &+ UInt64($1) })
            }
        }
        for device in quarantined { add(device.node.utf8.reduce(UInt64(device.localRank)) { $0 &* 31 &+ UInt64($1) }) }
        return hash
    }
}
