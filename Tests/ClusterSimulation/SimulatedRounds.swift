import Calibration
import CoordinatorCore
import Wire

/// What the service keeps of jobs of rounds.
extension SimulatedStore.Job {
    /// The round whose results are awaited; `nil` when all are closed, or there are none.
    var openRound: Range<Int>? {
        guard let rounds = job.rounds else { return nil }
        let first = (inputs.count - 1) * rounds.shardsPerRound
        guard first < job.plan.shardCount else { return nil }
        return first..<min(first + rounds.shardsPerRound, job.plan.shardCount)
    }

    /// Whether some, but not all, results of the open round are there.
    var isInRound: Bool {
        guard outcome == nil, let round = openRound else { return false }
        return Set(round.map { values[$0] == nil }).count == 2
    }

    /// What the round of a shard computes with, if that is known.
    func input(ofShard shard: Int) -> ContentDigest? {
        guard let rounds = job.rounds, inputs.indices.contains(shard / rounds.shardsPerRound) else { return nil }
        return SimulatedStore.digest(inputs[shard / rounds.shardsPerRound])
    }

    /// An input that workers can fetch: the latest one, or the one before it.
    func input(_ digest: ContentDigest) -> UInt64? {
        inputs.suffix(2).first { SimulatedStore.digest($0) == digest }
    }

    /// Reduces the open round, if all its results are there.
    ///
    /// - Returns: Whether it was.
    mutating func closeRound(inArrivalOrder: Bool) -> Bool {
        guard let round = openRound, let input = inputs.last else { return false }
        let order = inArrivalOrder ? arrived.filter { round.contains($0) } : Array(round)
        let results = order.compactMap { values[$0] }
        guard results.count == round.count else { return false }
        inputs.append(SimulatedStore.reduce(results, after: input))
        return true
    }
}

extension SimulatedStore {
    /// Why a result is none of the open round.
    func refusal(of request: StoreRequest, input: ContentDigest?) -> String? {
        guard let job = job(request.commit.shard.job), job.job.rounds != nil else { return nil }
        guard job.openRound?.contains(request.commit.shard.shard) == true else { return "it is of another round" }
        return input == job.inputs.last.map(Self.digest) ? nil : "it was computed with another input"
    }

    /// What the first round of a job computes with.
    static func firstInput(_ job: CoordinatorJob) -> UInt64 { Randomness.mix(job.id &+ 77) }

    /// The result of a shard in a round.
    static func value(_ value: UInt64, with input: UInt64, seed: Int) -> UInt64 {
        Randomness.mix(value ^ Randomness.mix(input) &+ UInt64(seed))
    }

    /// What the next round computes with; depends on the order of the results.
    static func reduce(_ results: [UInt64], after input: UInt64) -> UInt64 { results.reduce(input, merge) }

    /// What the rounds of a job compute with when nobody is wrong, and what comes of the last one; `nil` without rounds.
    static func inputs(_ stored: Job) -> [UInt64]? {
        let job = stored.job
        guard let rounds = job.rounds else { return nil }
        let shards = 0..<job.plan.shardCount
        return stride(from: 0, to: shards.count, by: rounds.shardsPerRound).reduce(into: [firstInput(job)]) {
            (inputs, first) in
            let input = inputs[inputs.count - 1]
            let round = (first..<first + rounds.shardsPerRound).clamped(to: shards)
            let results = round.map {
                value(value(job, Array(job.plan.shard($0).samples)), with: input, seed: stored.seed)
            }
            inputs.append(reduce(results, after: input))
        }
    }
}
