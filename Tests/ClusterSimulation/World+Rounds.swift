import Calibration
import CoordinatorCore
import Wire
import WorkerCore

/// Jobs of rounds: what must never happen to them, and what the service does with their results.
extension World {
    /// Whether a shard is handed out while its round is open, and with what that computes with.
    func checkRound(of lease: Lease, _ job: SimulatedStore.Job) {
        guard job.job.rounds != nil else {
            if lease.inputDigest != nil { problem("\(lease.shard) is handed out with the input of a round") }
            return
        }
        guard let input = job.input(ofShard: lease.shard.shard) else {
            problem("\(lease.shard) is handed out although round \(job.inputs.count - 1) is not closed")
            return
        }
        if lease.inputDigest != input { problem("\(lease.shard) is handed out with the input of another round") }
    }

    /// Whether a result that is to be stored is one of the open round.
    func checkRound(of request: StoreRequest) {
        let shard = request.commit.shard
        guard let job = store.job(shard.job), job.job.rounds != nil, job.outcome == nil else { return }
        if job.openRound?.contains(shard.shard) != true {
            problem("\(shard) is to be stored, and its round is not open")
        }
    }

    /// Whether a shard is counted after all shards of the rounds before.
    func checkRound(_ id: UInt64, _ shard: Int) {
        guard let job = store.job(id), let rounds = job.job.rounds else { return }
        let first = shard / rounds.shardsPerRound * rounds.shardsPerRound
        let open = (0..<first).first { !known.contains(.init(job: id, shard: $0, resets: job.resets)) }
        if let open { problem("shard \(shard) of job \(id) is counted before shard \(open) of an earlier round") }
    }

    /// Counts the results that come too late.
    func noteRound(of commit: Commit) {
        guard let job = store.job(commit.shard.job), job.outcome == nil, let round = job.openRound else { return }
        if commit.shard.shard < round.lowerBound { outcome.tally[.closedResults] += 1 }
    }

    /// Reduces a round whose results are all stored.
    func closeRound(_ id: UInt64) {
        guard let j = store.position(id),
            store.jobs[j].closeRound(inArrivalOrder: mutation == .reducesInArrivalOrder)
        else { return }
        outcome.tally[.rounds] += 1
        let job = store.jobs[j]
        let closed = job.inputs.count - 1
        if !settings.hasLiar, SimulatedStore.inputs(job)?[closed] != job.inputs[closed] {
            problem("round \(closed - 1) of job \(id) is reduced of other results")
        }
    }

    /// Tells the coordinator that a round may begin, when it knows of all shards before that.
    func openRound(_ id: UInt64) {
        guard let j = store.position(id), store.jobs[j].inputs.count > store.jobs[j].openedRounds,
            let next = store.jobs[j].openRound, mutation != .losesRoundOpening
        else { return }
        let job = store.jobs[j]
        guard (0..<next.lowerBound).allSatisfy({ known.contains(.init(job: id, shard: $0, resets: job.resets)) }),
            let input = job.inputs.last
        else { return }
        store.jobs[j].openedRounds += 1
        queue.add(
            at: now + random.pick(0...20),
            .answers(
                generation: coordinatorGeneration,
                .roundOpened(job: id, shards: next.upperBound, input: SimulatedStore.digest(input))))
    }

    /// What a worker of another time may say, at once: that it has, or holds, a shard of a round that is not open.
    func closedRoundClaim(_ worker: Int) -> Event? {
        guard settings.hasRounds, processes[worker].cluster.low == UInt64(cluster), random.chance(0.5),
            let job = store.jobs.first(where: { ($0.openRound?.upperBound ?? .max) < $0.job.plan.shardCount }),
            let open = job.openRound
        else { return nil }
        let shard = random.chance(0.5) ? open.upperBound : random.pick(open.upperBound...job.job.plan.shardCount - 1)
        let reference = ShardReference(job: job.job.id, shard: shard, attempt: 1)
        let message: Message
        if random.chance(0.5) {
            var hello = hello(of: worker)
            hello.resume = [.init(shard: reference, isFinished: random.chance(0.5))]
            message = .hello(hello)
        } else {
            let samples = job.job.plan.shard(shard).samples.count
            message = .commit(
                Commit(shard: reference, epoch: 1, digest: SimulatedStore.digest(1), size: 8, samples: samples))
        }
        let envelope = Envelope(session: processes[worker].core.session, sequence: 1, message: message)
        return .toCoordinator(envelope, PeerAddress([UInt8(worker), 255, 255]), cluster: cluster)
    }

    /// A coordinator ends whose jobs are not durable: another one begins with them anew, with another seed.
    func loseJobs() {
        cluster += 1
        joined = []
        store = SimulatedStore()
        coordinatorConfiguration.cluster = SessionID(high: 1, low: UInt64(cluster))
        writes = []
        trials = []
        skippedAudits = []
        oldMessages = []
        for index in settings.jobs.indices { queue.add(at: now + 100, .submit(index)) }
    }

    /// A message with the bug of a mutation.
    func mutated(_ message: Message) -> Message {
        guard mutation == .keepsFirstInput, case .lease(var lease) = message, lease.inputDigest != nil,
            let first = store.job(lease.shard.job)?.inputs.first
        else { return message }
        lease.inputDigest = SimulatedStore.digest(first)
        return .lease(lease)
    }

    /// A job with the bug of a mutation.
    func mutated(_ job: CoordinatorJob) -> CoordinatorJob {
        guard mutation == .forgetsRounds else { return job }
        var job = job
        job.rounds = nil
        return job
    }
}
