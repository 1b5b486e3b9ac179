import Calibration
import CoordinatorCore
import Wire
import WorkerCore

/// What must never happen.
extension World {
    /// Whether a message says something that is not durable.
    func check(_ message: Message, to session: SessionID) {
        switch message {
        case .commitAck(let shard, let result, _, _): check(shard, result)
        case .done:
            if store.jobs.isEmpty || !store.jobs.allSatisfy({ $0.outcome != nil }) {
                problem("the end is told before it is recorded")
            }
        case .modelReady(_, let job):
            guard case .completed = store.job(job)?.outcome else {
                problem("the model of job \(job) is told before it is recorded")
                return
            }
        case .reject(.quarantined, _, _):
            let isQuarantined = store.quarantined.contains { $0 == device(of: session) }
            if !isQuarantined { problem("a quarantine is told before it is recorded") }
        case .lease(let lease): check(lease)
        default: break
        }
    }

    private func check(_ shard: ShardReference, _ result: CommitResult) {
        guard result == .accepted, let job = store.job(shard.job), job.outcome == nil else { return }
        guard job.shards[shard.shard] == nil else { return }
        // A trial is accepted too, and its attempt was leased as one.
        if trials.contains(shard) { return }
        problem("shard \(shard.shard) of job \(shard.job) is acknowledged and not durable")
    }

    private func check(_ lease: Lease) {
        guard let job = store.job(lease.shard.job) else {
            problem("a lease for job \(lease.shard.job), which is not durable")
            return
        }
        if job.outcome != nil { problem("a lease for job \(lease.shard.job), which has ended") }
        for sample in lease.excluded where !job.skipped.contains(sample) {
            problem("sample \(sample) is left out before that is recorded")
        }
        if samples(of: lease).isEmpty { problem("a lease without samples") }
        switch lease.purpose {
        case .trial: trials.insert(lease.shard)
        case .count:
            let key = ShardKey(job: lease.shard.job, shard: lease.shard.shard, resets: job.resets)
            if known.contains(key) { problem("\(lease.shard) is handed out although it is counted") }
        case .compare: break
        }
        checkRound(of: lease, job)
    }

    private func device(of session: SessionID) -> Device? {
        settings.workers.indices.contains(Int(session.low)) ? settings.workers[Int(session.low)].device : nil
    }

    /// Whether a decision is right.
    func check(_ decision: Decision) {
        switch decision {
        case .quarantined(let device, _, let resets):
            outcome.tally[.quarantines] += 1
            let isLiar = settings.workers.contains { $0.device == device && $0.lieRate > 0 }
            if !isLiar { problem("the healthy device \(device) is quarantined") }
            for write in writes {
                if case .commit(let request) = write.operation, resets.contains(request.commit.shard.job) {
                    problem("a job is reset while a commit is under way")
                }
            }
        case .skipped(let job, let sample, _): checkBlame(job, sample)
        case .ended(let job, .poison(let sample, _, _)): checkBlame(job, sample)
        case .ended(let job, .data(_, let sample?)): checkBlame(job, sample)
        case .ended(let job, .data(_, nil)):
            if let it = store.job(job), it.skipped.count < it.job.plan.specification.sampleCount {
                problem("job \(job) fails without a sample")
            }
        case .ended(let job, .cancelled):
            if !cancelled.contains(job) { problem("job \(job) is cancelled by nobody") }
        case .ended(let job, .store) where settings.hasLiar && store.job(job)?.job.rounds != nil: break
        case .ended(let job, let failure): problem("job \(job) failed: \(failure)")
        case .disputed, .blamed: break
        }
        if case .ended(_, let failure) = decision {
            if case .cancelled = failure {} else { outcome.tally[.failedJobs] += 1 }
        }
    }

    /// Whether a sample is blamed rightly: it is poison, or chance killed enough workers while they computed it alone.
    private func checkBlame(_ job: UInt64, _ sample: Int) {
        if settings.jobs[Int(job) - 1].poison[sample] != nil { return }
        let losses = lossesAlone[Int(job)][sample, default: 0]
        if losses < settings.coordinator.lossesBeforeNaming {
            problem("the healthy sample \(sample) of job \(job) is blamed after \(losses) losses")
        }
    }

    /// Whether a job is whole when it is to be finalized.
    func checkFinalization(_ id: UInt64) {
        guard let job = store.job(id) else { return }
        if job.shards.count != job.job.plan.shardCount { problem("job \(id) is finalized without all its shards") }
        if job.job.rounds != nil, job.openRound != nil { problem("job \(id) is finalized with an open round") }
    }

    /// Whether a result is right.
    func checkResult(_ j: Int, _ conflicts: [Int]) {
        let job = store.jobs[j]
        if job.shards.count != job.job.plan.shardCount { problem("the result of job \(job.job.id) lacks shards") }
        let right =
            SimulatedStore.inputs(job)?.last
            ?? SimulatedStore.root(SimulatedStore.values(job.job, without: job.skipped))
        var root =
            job.inputs.last ?? (mutation == .foldsInArrivalOrder ? job.folded : SimulatedStore.root(job.values))
        if let repeated = job.repeated { root = SimulatedStore.merge(root ?? 0, repeated) }
        if root != right, conflicts.isEmpty, !skippedAudits.contains(job.job.id) {
            problem("the result of job \(job.job.id) is wrong")
        }
    }

    func repeatMerge(_ shard: ShardReference) {
        guard let j = store.position(shard.job), let value = store.jobs[j].values[shard.shard] else { return }
        store.jobs[j].repeated = store.jobs[j].repeated.map { SimulatedStore.merge($0, value) } ?? value
    }

    func mutated(_ envelope: Envelope) -> Envelope {
        guard mutation == .ignoresConflicts, case .commit(var commit) = envelope.message,
            let counted = store.job(commit.shard.job)?.shards[commit.shard.shard]
        else { return envelope }
        commit.digest = counted.digest
        return Envelope(session: envelope.session, sequence: envelope.sequence, message: .commit(commit))
    }

    /// Tells everybody that it is over although that is not recorded.
    func revealEnd() {
        guard settings.coordinator.dismissesWorkers else { return }
        for worker in processes.indices where processes[worker].isUp {
            let generation = processes[worker].generation
            let peer = PeerAddress([UInt8(worker), UInt8(generation >> 8 & 255), UInt8(generation & 255)])
            say(.done(reason: .completed, text: ""), to: processes[worker].core.session, at: peer)
        }
    }

    func note(_ occurrence: CoordinatorOccurrence) {
        switch occurrence {
        case .shardCommitted(let job, let shard, _, _, _):
            outcome.tally[.committed] += 1
            checkRound(job, shard)
            if let it = store.job(job) { known.insert(.init(job: job, shard: shard, resets: it.resets)) }
        case .shardReturned(let job, _, let session, _):
            outcome.tally[.returned] += 1
            excuses += 1
            if let samples = leasedSamples[session], samples.count == 1 {
                lossesAlone[Int(job)][samples[0], default: 0] += 1
            }
        case .shardSpeculated:
            outcome.tally[.speculations] += 1
            excuses += 1
        case .bisectionStarted: outcome.tally[.bisections] += 1
        case .sampleSkipped:
            outcome.tally[.skipped] += 1
            excuses += processes.count
        case .conflict: outcome.tally[.conflicts] += 1
        case .jobReset(let job, _):
            outcome.tally[.resets] += 1
            excuses += processes.count
            if let it = store.job(job) { known = known.filter { $0.job != it.job.id } }
        case .auditSkipped(let job, _): skippedAudits.insert(job)
        case .workerJoined:
            if store.jobs.contains(where: \.isInRound) { outcome.tally[.joinedInRound] += 1 }
        case .workerRejected, .workerLeft, .deviceQuarantined, .resultInDoubt, .modelNotLoaded,
            .storeRefuses, .storeRecovered:
            break
        }
    }

    /// Whether everything came to a good end, and nothing has changed since.
    func checkEnd(_ fingerprint: UInt64?) {
        guard let fingerprint else {
            problem("nothing happens any more")
            return
        }
        if store.fingerprint != fingerprint { problem("old messages changed what is recorded") }
        let tallies = coordinator.snapshot(now: coordinatorTime).tallies
        outcome.tally[.audits] += tallies.audits
        outcome.tally[.trials] += tallies.trials
        let wasted = outcome.tally[.executions] - resultsCounted
        let ended = store.jobs.count { if case .failed = $0.outcome { true } else { false } } * processes.count
        if wasted > excuses + ended {
            problem(
                "\(outcome.tally[.executions]) computations of \(resultsCounted) counted shards, \(excuses) excused")
        }
    }
}
