import Calibration
import CoordinatorCore
import Wire
import WorkerCore

extension World {
    /// The coordinator's clock.
    var coordinatorTime: Duration {
        .microseconds(coordinatorClock.offset + now * coordinatorClock.rate)
    }

    func startCoordinator() {
        guard !isCoordinatorUp else { return }
        isCoordinatorUp = true
        coordinatorGeneration += 1
        coordinatorTimerAt = nil
        coordinatorPausedUntil = 0
        coordinatorClock =
            settings.hasFaults ? (random.pick(0...2_000_000_000), random.pick(950...1050)) : (0, 1000)
        store.epoch += 1
        coordinatorConfiguration.epoch = store.epoch
        coordinator = CoordinatorCore(configuration: coordinatorConfiguration)
        // It does not know what these compute, leases that arrived while it was down among them: whoever cannot be heard in
        // time loses the shard.
        excuses += processes.count { $0.isUp && ($0.task != nil || $0.unanswered != nil) }
        known = []
        for job in store.jobs {
            for shard in job.shards.keys { known.insert(.init(job: job.job.id, shard: shard, resets: job.resets)) }
        }
        if store.epoch > 1 || !store.jobs.isEmpty { step(.recovered(store.recovered())) }
    }

    func killCoordinator() {
        guard isCoordinatorUp else { return }
        outcome.tally[.coordinatorKills] += 1
        isCoordinatorUp = false
        if settings.hasRounds { loseJobs() } else { loseWrites() }
        uploads = [:]
        coordinatorGeneration += 1
        queue.add(at: now + random.pick(50...2000), .startCoordinator)
    }

    /// What was under way may be on the disk or not, but never the later part without the earlier one.
    private func loseWrites() {
        let kept = random.pick(0...writes.count)
        for (index, write) in writes.enumerated() {
            if index < kept, random.chance(0.5), now >= diskFullUntil {
                outcome.tally[.torn] += 1
                _ = apply(write.operation)
            } else {
                outcome.tally[.unsynced] += 1
            }
        }
        writes = []
    }

    /// Lets the coordinator take in an event, and does what it wants.
    func step(_ event: CoordinatorEvent) {
        if let trace, case .received(let envelope, _) = event {
            trace("\(now) C <- \(envelope.session.low): \(envelope.message.summary)")
        } else {
            trace?("\(now) C <- \(event)")
        }
        if case .received(let envelope, _) = event, case .commit(let commit) = envelope.message {
            noteRound(of: commit)
        }
        let effects = coordinator.step(event, now: coordinatorTime)
        if isChecking {
            for text in coordinator.checkInvariants() { problem("coordinator: \(text)") }
        }
        for effect in effects { carryOut(effect, after: event) }
        guard let deadline = coordinator.nextDeadline else { return }
        let micros = Self.microseconds(deadline) - coordinatorClock.offset
        let time = max(now + 1, (micros + coordinatorClock.rate - 1) / coordinatorClock.rate)
        if coordinatorTimerAt.map({ time < $0 }) ?? true {
            coordinatorTimerAt = time
            queue.add(at: time, .coordinatorTimer(generation: coordinatorGeneration))
        }
    }

    private func carryOut(_ effect: CoordinatorEffect, after event: CoordinatorEvent) {
        switch effect {
        case .send(let message, let session, let peer):
            if mutation == .noDeduplication, case .commitAck(let shard, .duplicate, _, _) = message {
                repeatMerge(shard)
            }
            say(message, to: session, at: peer)
        case .store(let request):
            if let session = request.session, mutation == .acknowledgesBeforeDurable,
                case .received(_, let peer) = event
            {
                let message = Message.commitAck(
                    shard: request.commit.shard, result: .accepted, retryAfter: nil, text: "")
                say(message, to: session, at: peer)
            }
            checkRound(of: request)
            write(.commit(request))
        case .record(let decision):
            if mutation == .revealsEndBeforeDurable, case .ended = decision { revealEnd() }
            if mutation == .skipsBeforeDurable, case .skipped = decision {
                step(.recorded(decision))
            }
            write(.decide(decision))
        case .finalize(let job, let conflicts):
            checkFinalization(job)
            if mutation == .revealsEndBeforeDurable { revealEnd() }
            write(.finalize(job, conflicts: conflicts))
        case .ended(let job, let outcome):
            if store.job(job)?.outcome != outcome { problem("job \(job) is said to have ended and has not") }
        case .report(let occurrence):
            trace?("\(now) C reports \(occurrence)")
            note(occurrence)
        }
    }

    /// Sends a message to a worker process, if the world lets it.
    func say(_ message: Message, to session: SessionID, at peer: PeerAddress) {
        trace?("\(now) C -> \(session.low): \(message.summary)")
        let message = mutated(message)
        check(message, to: session)
        if case .lease(let lease) = message { leasedSamples[session] = samples(of: lease) }
        guard peer.bytes.count == 3 else { return }
        let worker = Int(peer.bytes[0])
        let generation = Int(peer.bytes[1]) << 8 | Int(peer.bytes[2])
        let envelope = Envelope(session: session, sequence: 1, message: message)
        transmit(envelope, isCut: isCut[worker].to) { .toWorker(worker, generation: generation, $0, cluster: cluster) }
    }

    // MARK: The disk

    func write(_ operation: SimulatedStore.Operation) {
        writeCount += 1
        writes.append(Write(number: writeCount, operation: operation))
        let isLong = if case .finalize = operation { true } else { false }
        let time = now + (isLong ? random.pick(20...400) : random.pick(1...30))
        queue.add(at: time, .writes(generation: coordinatorGeneration, write: writeCount))
    }

    func carryOut(_ number: Int) {
        guard let index = writes.firstIndex(where: { $0.number == number }) else { return }
        let operation = writes.remove(at: index).operation
        let answer: CoordinatorEvent?
        if now < diskFullUntil {
            outcome.tally[.refused] += 1
            answer = refusal(of: operation)
        } else {
            answer = apply(operation)
        }
        guard let answer else { return }
        queue.add(at: now + random.pick(0...20), .answers(generation: coordinatorGeneration, answer))
        if case .stored(let request) = answer { closeRound(request.commit.shard.job) }
    }

    private func refusal(of operation: SimulatedStore.Operation) -> CoordinatorEvent? {
        switch operation {
        case .submit(let index):
            queue.add(at: now + 100, .submit(index))
            return nil
        case .commit(let request): return .storeFailed(request, .later(text: "the disk is full"))
        case .decide(let decision): return .recordFailed(decision, text: "the disk is full")
        case .finalize(let job, _): return .finalized(job: job, .later(text: "the disk is full"))
        }
    }

    /// Does something to the disk.
    ///
    /// - Returns: What the coordinator is told.
    private func apply(_ operation: SimulatedStore.Operation) -> CoordinatorEvent? {
        switch operation {
        case .submit(let index):
            let job = settings.jobs[index].job
            guard store.position(job.id) == nil else { return nil }
            store.jobs.append(.init(job: job, seed: cluster))
            return .submitted(mutated(job))
        case .commit(let request):
            let isEmpty = request.session == nil
            guard isEmpty || uploads[request.commit.digest] != nil else { return .storeFailed(request, .missing) }
            let upload = uploads.removeValue(forKey: request.commit.digest)
            if let text = store.refusal(of: request, input: upload?.input) {
                return .storeFailed(request, .invalid(text: text))
            }
            if let text = store.commit(request, value: upload?.value) { problem(text) }
            resultsCounted += isEmpty ? 0 : 1
            return .stored(request)
        case .decide(let decision):
            check(decision)
            store.decide(decision)
            if mutation == .skipsBeforeDurable, case .skipped = decision { return nil }
            return .recorded(decision)
        case .finalize(let id, let conflicts):
            guard let j = store.position(id) else { return nil }
            checkResult(j, conflicts)
            let model = JobModel(digest: SimulatedStore.digest(id), size: 1)
            store.jobs[j].outcome = .completed(model)
            outcome.tally[.completedJobs] += 1
            return .finalized(job: id, .completed(model))
        }
    }

    func submit(_ index: Int) {
        let id = settings.jobs[index].job.id
        guard store.position(id) == nil else { return }
        let isUnderWay = writes.contains { if case .submit(index) = $0.operation { true } else { false } }
        if isCoordinatorUp, !isUnderWay { write(.submit(index)) }
        // The client asks until it has an answer.
        queue.add(at: now + 300, .submit(index))
    }

    func cancel(_ index: Int) {
        let id = settings.jobs[index].job.id
        if let job = store.job(id), job.outcome != nil { return }
        cancelled.insert(id)
        if isCoordinatorUp, store.position(id) != nil {
            outcome.tally[.cancels] += 1
            step(.aborted(job: id, .cancelled(text: "by the simulation")))
        }
        queue.add(at: now + 300, .cancel(index))
    }

    static func microseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return Int(seconds) * 1_000_000 + Int((attoseconds + 999_999_999_999) / 1_000_000_000_000)
    }
}
