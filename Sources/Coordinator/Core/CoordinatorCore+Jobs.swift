internal import Calibration
internal import Wire

extension CoordinatorCore {
    /// Attempts of this epoch are numbered from here, so that they sort after those of every earlier one.
    private var attemptBase: Int {
        Int(min(configuration.epoch - min(configuration.epoch, 1), 500_000)) * ShardTable.attemptsPerEpoch
    }

    private mutating func add(_ job: CoordinatorJob) -> Int {
        precondition(jobPositions[job.id] == nil, "Job \(job.id) is there twice")
        jobPositions[job.id] = jobs.count
        jobs.append(JobState(job, attemptBase: attemptBase))
        return jobs.count - 1
    }

    mutating func submit(_ job: CoordinatorJob, now: Duration) {
        running.append(add(job))
        if configuration.dismissesWorkers {
            // No other job will come that would suit them.
            for id in sessionOrder {
                guard let session = sessions[id], let text = refusal(session.instructionSet) else { continue }
                send(.reject(code: .instructionSet, text: text, retryAfter: nil), to: id)
                report(.workerRejected(node: session.device.node, process: session.process, text: text))
                remove(id, text: text, blamesShard: false, now: now)
            }
        }
        serveWaiting(now: now)
    }

    /// Goes on where another coordinator stopped.
    mutating func recover(_ state: RecoveredState, now: Duration) {
        precondition(jobs.isEmpty && sessionOrder.isEmpty, "Recovery comes first")
        quarantined = state.quarantined
        for recovered in state.jobs {
            let j = add(recovered.job)
            jobs[j].resets = recovered.resets
            for sample in recovered.skipped { exclude(sample, j) }
            if let outcome = recovered.outcome {
                jobs[j].end(outcome)
                if case .completed(let model?) = outcome { announced = (model, recovered.job.id) }
                continue
            }
            running.append(j)
            for shard in recovered.committed where jobs[j].shards.states[shard.index] != .committed {
                jobs[j].shards.commit(shard.index, digest: shard.digest, device: shard.device)
                if let device = shard.device { nodesSeen.insert(device.node) }
                jobs[j].committedSamples += jobs[j].sampleCount(shard.index)
                // Which audits were done is not kept: they are done again.
                pickForAudit(j, shard.index)
            }
            for decision in recovered.decisions { recall(decision, j) }
        }
        guard !running.isEmpty else { return }
        graceEnds = now + configuration.recoveryGrace
        expectDeadline(at: now + configuration.recoveryGrace)
        for j in running {
            for shard in jobs[j].disputedShards { resolve(j, shard, now: now) }
            for shard in jobs[j].excluded.keys.sorted() { storeIfEmpty(j, shard) }
            settle(j, now: now)
        }
    }

    private mutating func recall(_ decision: Decision, _ j: Int) {
        switch decision {
        case .blamed(_, let shard, let session, let device):
            jobs[j].shards.trouble(shard) { $0.losses.append((session, device)) }
        case .disputed(_, _, let device, _) where quarantined.contains(device): break
        case .disputed(_, let shard, let device, let digest):
            guard let counted = jobs[j].shards.digests[shard], let owner = jobs[j].shards.devices[shard] else { return }
            if jobs[j].disputes[shard] == nil {
                jobs[j].disputes[shard] = .init(opinions: [(owner, counted)])
                jobs[j].disputedShards.append(shard)
            }
            jobs[j].disputes[shard]?.opinions.append((device, digest))
            jobs[j].disputes[shard]?.recorded.append(digest)
        case .ended, .skipped, .quarantined: break  // They are in the recovered state.
        }
    }

    mutating func abort(_ job: UInt64, _ failure: JobFailure) {
        guard let j = jobPositions[job], jobs[j].isRunning else { return }
        fail(j, failure)
    }

    /// Ends a job without a result, once that is recorded; until then nobody is told, and nothing is handed out or counted.
    mutating func fail(_ j: Int, _ failure: JobFailure) {
        guard jobs[j].isRunning || jobs[j].phase == .finalizing else { return }
        jobs[j].phase = .ending(failure)
        running.removeAll { $0 == j }
        record(.ended(job: jobs[j].job.id, failure))
        advanceCondemnations()
    }

    /// Hands out the shards of another round.
    mutating func openRound(_ job: UInt64, shards: Int, input: ContentDigest, now: Duration) {
        guard let j = jobPositions[job], jobs[j].isRunning, jobs[j].openRound(shards: shards, input: input) else {
            return
        }
        serveWaiting(now: now)
    }

    /// Whether everything about a job is decided, and what comes next.
    mutating func settle(_ j: Int, now: Duration) {
        guard jobs[j].isOpen, jobs[j].shards.isComplete else { return }
        let id = jobs[j].job.id
        guard !pendingRecords.contains(where: { $0.decision.job == id }) else { return }
        if jobs[j].job.plan.specification.sampleCount == jobs[j].skipped.count {
            fail(j, .data(text: "Every sample was skipped; nothing is left to calibrate with", sample: nil))
            return
        }
        guard !awaitsComparison(j, now: now) else { return }
        jobs[j].phase = .finalizing
        running.removeAll { $0 == j }
        effects.append(.finalize(job: id, conflicts: jobs[j].disputedShards.sorted()))
    }

    mutating func finalized(_ job: UInt64, _ result: Finalization, now: Duration) {
        guard let j = jobPositions[job], jobs[j].phase == .finalizing else { return }
        switch result {
        case .completed(let model):
            noteStore(refuses: nil)
            end(j, .completed(model), now: now)
        case .later(let text):
            noteStore(refuses: text)
            jobs[j].finalizeAgainAt = now + configuration.storeRetryInterval
            expectDeadline(at: now + configuration.storeRetryInterval)
        case .failed(let failure): fail(j, failure)
        }
    }

    /// Tells everybody that a job has ended, which is recorded.
    mutating func end(_ j: Int, _ outcome: JobOutcome, now: Duration) {
        let id = jobs[j].job.id
        let isLast = configuration.dismissesWorkers && jobs.indices.allSatisfy { $0 == j || jobs[$0].hasEnded }
        for session in sessionOrder where sessions[session]?.assignment?.job == j {
            guard let assignment = detach(session) else { continue }
            if !isLast { send(.heartbeatAck(cancel: [assignment.reference], drain: false), to: session) }
        }
        jobs[j].end(outcome)
        effects.append(.ended(job: id, outcome))
        if case .completed(let model?) = outcome {
            announced = (model, id)
            for session in sessionOrder { announceModel(to: session) }
        }
        if isLast {
            for session in sessionOrder { send(doneMessage, to: session) }
        } else {
            serveWaiting(now: now)
        }
    }

    /// Whether workers are to leave because there will be no more work.
    var hasNoMoreWork: Bool {
        configuration.dismissesWorkers && !jobs.isEmpty && jobs.allSatisfy(\.hasEnded)
    }

    var doneMessage: Message {
        guard case .ended(let outcome)? = jobs.last?.phase else { return .done(reason: .completed, text: "") }
        return switch outcome {
        case .failed(.cancelled(let text)): .done(reason: .cancelled, text: text)
        case .failed(let failure): .done(reason: .failed, text: failure.description)
        case .completed: .done(reason: .completed, text: "")
        }
    }

    // MARK: The quantized model

    /// Tells a worker of the model to load, unless it has it or cannot load it.
    mutating func announceModel(to id: SessionID) {
        guard let announced, let session = sessions[id], session.loadedModel != announced.model.digest,
            session.failedModel != announced.model.digest, !session.isDraining
        else { return }
        send(.modelReady(announced.model, job: announced.job), to: id)
    }

    mutating func modelLoaded(_ job: UInt64, _ digest: ContentDigest, _ failure: String?, by id: SessionID) {
        guard let j = jobPositions[job], case .ended(.completed(let model?)) = jobs[j].phase, model.digest == digest
        else { return }
        if let failure {
            if sessions[id]?.failedModel != digest { report(.modelNotLoaded(job: job, session: id, text: failure)) }
            sessions[id]?.failedModel = digest
            sessions[id]?.loadedModel = nil
        } else {
            sessions[id]?.loadedModel = digest
            sessions[id]?.failedModel = nil
        }
    }
}

extension JobState {
    var hasEnded: Bool {
        if case .ended = phase { true } else { false }
    }
}
