internal import Calibration
internal import Wire

extension CoordinatorCore {
    /// Takes a result from any attempt as long as the shard is open: results are deterministic, the first one counts.
    mutating func committed(_ commit: Commit, by id: SessionID, now: Duration) {
        let reference = commit.shard
        let shard = reference.shard
        guard let j = jobPositions[reference.job] else {
            acknowledge(reference, .rejected, "there is no such job", to: id)
            return
        }
        guard !jobs[j].hasEnded else {
            acknowledge(reference, .rejected, "the job has ended", to: id)
            return
        }
        guard jobs[j].shards.states.indices.contains(shard) else {
            acknowledge(reference, .rejected, "there is no such shard", to: id)
            return
        }
        let isAssigned = sessions[id]?.assignment?.reference == reference
        if isAssigned {
            sessions[id]?.assignment?.progressAt = now
            sessions[id]?.assignment?.hasStarted = true
        }
        if commit.isTrial {
            // A trial that nobody waits for is over all the same.
            acknowledge(reference, isAssigned ? .accepted : .duplicate, "", to: id)
            if isAssigned { trialSurvived(id, now: now) }
            return
        }
        guard jobs[j].isOpen || jobs[j].phase == .finalizing else {
            // What is decided about the job is not said before it is recorded.
            acknowledge(reference, .retry, "", retryAfter: configuration.waitInterval, to: id)
            return
        }
        guard shard < jobs[j].openShards else {
            acknowledge(reference, .rejected, "its round is not open", to: id)
            return
        }
        guard commit.samples == jobs[j].sampleCount(shard) else {
            miscounted(reference, isAssigned: isAssigned, by: id, now: now)
            return
        }
        switch jobs[j].shards.states[shard] {
        case .held where jobs[j].bisections[shard] == nil:
            acknowledge(reference, .retry, "", retryAfter: configuration.waitInterval, to: id)
        case .pending, .leased, .held:
            let request = StoreRequest(session: id, device: sessions[id]?.device, commit: commit)
            jobs[j].shards.beginStoring(request)
            effects.append(.store(request))
        case .storing: break  // The worker sends it again until there is an answer.
        case .committed: compare(commit, by: id, now: now)
        }
    }

    /// A result of another number of samples than the shard has.
    private mutating func miscounted(
        _ reference: ShardReference, isAssigned: Bool, by id: SessionID, now: Duration
    ) {
        // A late attempt may still have had a sample that is skipped now; that is nobody's fault.
        let text = "the shard has another number of samples"
        acknowledge(reference, .rejected, text, to: id)
        if isAssigned, let j = jobPositions[reference.job] {
            workerFailed(j, reference.shard, session: id, text: text, now: now)
        }
    }

    mutating func stored(_ request: StoreRequest, now: Duration) {
        let reference = request.commit.shard
        let shard = reference.shard
        noteStore(refuses: nil)
        guard let j = jobPositions[reference.job], !jobs[j].hasEnded, jobs[j].shards.requests[shard] == request else {
            return
        }
        let holder = jobs[j].shards.holders[shard]
        let speculator = jobs[j].speculations[shard]
        let since = holder.flatMap { sessions[$0]?.assignment?.since }
        jobs[j].shards.commit(shard, digest: request.commit.digest, device: request.device)
        jobs[j].committedSamples += request.commit.samples
        jobs[j].bisections[shard] = nil
        jobs[j].openTrials.removeAll { $0 == shard }
        let duration = request.session == holder ? since.map { now - $0 } : nil
        if let duration { jobs[j].durations.add(duration) }
        // Whoever still computes it is told at the next heartbeat; whoever has finished it hears whether it was the same.
        for session in [holder, speculator].compactMap({ $0 }) where isAt(session, j, shard) { _ = detach(session) }
        if let session = request.session {
            sessions[session]?.failuresInARow = 0
            sessions[session]?.committedCount += 1
            if isAt(session, j, shard) { _ = detach(session) }
        }
        tallies.committed += 1
        report(
            .shardCommitted(
                job: reference.job, shard: shard, session: request.session, samples: request.commit.samples,
                duration: duration))
        if jobs[j].isOpen, let session = request.session { acknowledge(reference, .accepted, "", to: session) }
        pickForAudit(j, shard)
        advanceCondemnations()
        settle(j, now: now)
    }

    /// Whether a session works on a shard for itself, and not to compare it.
    private func isAt(_ session: SessionID, _ j: Int, _ shard: Int) -> Bool {
        guard let assignment = sessions[session]?.assignment else { return false }
        return assignment.job == j && assignment.shard == shard
    }

    mutating func storeFailed(_ request: StoreRequest, _ failure: StoreFailure, now: Duration) {
        let reference = request.commit.shard
        let shard = reference.shard
        if case .later(let text) = failure { noteStore(refuses: text) }
        guard let j = jobPositions[reference.job], !jobs[j].hasEnded, jobs[j].shards.requests[shard] == request else {
            return
        }
        // The first attempt may have been lost while the second one's result was on its way into the store.
        if jobs[j].shards.holders[shard] == nil { promoteSpeculation(j, shard) }
        jobs[j].shards.endStoring(shard)
        if jobs[j].shards.states[shard] == .held, jobs[j].bisections[shard] == nil { jobs[j].shards.release(shard) }
        guard let id = request.session else {
            jobs[j].shards.hold(shard)
            jobs[j].refusedEmptyShards.append(shard)
            expectDeadline(at: now + configuration.storeRetryInterval)
            return
        }
        if sessions[id]?.assignment?.reference == reference { sessions[id]?.assignment?.progressAt = now }
        expectDeadline(at: now + progressTimeout(j))
        switch failure {
        case .missing: acknowledge(reference, .missing, "the statistics are not here", to: id)
        case .later(let text):
            acknowledge(reference, .retry, text, retryAfter: configuration.heartbeatInterval, to: id)
        case .invalid(let text):
            acknowledge(reference, .rejected, text, to: id)
            workerFailed(j, shard, session: id, text: text, now: now)
        }
        advanceCondemnations()
    }

    /// Commits a shard whose samples are all skipped.
    mutating func storeIfEmpty(_ j: Int, _ shard: Int) {
        guard jobs[j].isOpen, jobs[j].sampleCount(shard) == 0 else { return }
        switch jobs[j].shards.states[shard] {
        case .pending, .held: break
        case .leased, .storing, .committed: return
        }
        let reference = ShardReference(job: jobs[j].job.id, shard: shard, attempt: 0)
        let request = StoreRequest(
            session: nil, device: nil,
            commit: Commit(
                shard: reference, epoch: configuration.epoch, digest: ContentDigest(of: []), size: 0, samples: 0))
        jobs[j].shards.beginStoring(request)
        effects.append(.store(request))
    }

    mutating func acknowledge(
        _ shard: ShardReference, _ result: CommitResult, _ text: String, retryAfter: Duration? = nil, to id: SessionID
    ) {
        tallies.answers[result, default: 0] += 1
        send(.commitAck(shard: shard, result: result, retryAfter: retryAfter, text: text), to: id)
    }
}
