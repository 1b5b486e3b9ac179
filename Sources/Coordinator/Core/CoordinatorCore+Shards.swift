internal import Calibration
internal import Wire

extension CoordinatorCore {
    /// Answers a worker that wants work; asking again gives the same shard again.
    mutating func leaseRequested(by id: SessionID, now: Duration) {
        guard let session = sessions[id] else { return }
        if session.isDraining {
            send(.drain, to: id)
            return
        }
        switch jobState {
        case .completed, .failed:
            send(doneMessage, to: id)
            return
        case .absent:
            wait(id, for: configuration.waitInterval)
            return
        case .running: break
        }
        if let shard = session.shard {
            if case .leased(let lease) = shards.states[shard] { send(leaseMessage(shard, lease), to: id) }
            return
        }
        if let rest = session.restsUntil, now < rest {
            wait(id, for: rest - now, mayBeServed: false)
        } else if !serve(id, now: now) {
            wait(id, for: configuration.waitInterval)
        }
    }

    private mutating func wait(_ id: SessionID, for interval: Duration, mayBeServed: Bool = true) {
        sessions[id]?.isWaiting = mayBeServed
        send(.wait(retryAfter: interval), to: id)
    }

    /// Hands a session the next shard that suits it.
    private mutating func serve(_ id: SessionID, now: Duration) -> Bool {
        let others = sessionOrder.filter { $0 != id && sessions[$0]?.isDraining == false }
        let failed = shards.failedSessions
        let next = shards.next(for: id) { shard in others.allSatisfy { failed[shard].contains($0) } }
        guard let next else { return false }
        let lease = shards.lease(next, to: id, now: now)
        sessions[id]?.shard = next
        sessions[id]?.isWaiting = false
        expectDeadline(at: now + progressTimeout)
        send(leaseMessage(next, lease), to: id)
        return true
    }

    /// Offers open shards to workers that were told to wait.
    mutating func serveWaiting(now: Duration) {
        guard jobState == .running else { return }
        for id in sessionOrder where sessions[id]?.isWaiting == true && sessions[id]?.isDraining == false {
            _ = serve(id, now: now)
        }
    }

    private func leaseMessage(_ shard: Int, _ lease: ShardLease) -> Message {
        guard let job else { preconditionFailure("A lease without a job") }
        return .lease(
            Lease(
                shard: ShardReference(job: job.id, shard: shard, attempt: lease.attempt), epoch: configuration.epoch,
                specificationDigest: job.plan.specificationDigest, deliveryDigest: job.deliveryDigest,
                planDigest: job.plan.digest, progressTimeout: progressTimeout))
    }

    private var doneMessage: Message {
        switch jobState {
        case .failed(.cancelled(let text)): .done(reason: .cancelled, text: text)
        case .failed(let failure): .done(reason: .failed, text: failure.description)
        default: .done(reason: .completed, text: "")
        }
    }

    mutating func broadcastDone() {
        for id in sessionOrder {
            send(doneMessage, to: id)
        }
    }

    /// Takes a result from any attempt as long as the shard is open: results are deterministic, the first one counts.
    mutating func committed(_ commit: Commit, by id: SessionID) {
        let reference = commit.shard
        guard let job, reference.job == job.id, (0..<shards.count).contains(reference.shard) else {
            acknowledge(reference, .rejected, "there is no such shard", to: id)
            return
        }
        guard commit.samples == job.plan.shard(reference.shard).samples.count else {
            acknowledge(reference, .rejected, "the shard has another number of samples", to: id)
            return
        }
        switch shards.states[reference.shard] {
        case .pending, .leased:
            guard jobState == .running else {
                acknowledge(reference, .rejected, "the job has ended", to: id)
                return
            }
            let request = StoreRequest(session: id, commit: commit)
            shards.beginStoring(request)
            effects.append(.store(request))
        case .storing: break  // The worker sends it again until there is an answer.
        case .committed(let digest) where digest == commit.digest: acknowledge(reference, .duplicate, "", to: id)
        case .committed(let digest):
            report(.conflict(shard: reference.shard, session: id, counted: digest, other: commit.digest))
            acknowledge(reference, .conflict, "another worker computed \(digest)", to: id)
        }
        if case .committed = shards.states[reference.shard], sessions[id]?.shard == reference.shard {
            sessions[id]?.shard = nil
        }
    }

    mutating func stored(_ request: StoreRequest, now: Duration) {
        let reference = request.commit.shard
        guard reference.job == job?.id, case .storing(request, let holder) = shards.states[reference.shard] else {
            return
        }
        shards.commit(reference.shard, digest: request.commit.digest)
        if let holder {
            if sessions[holder.session]?.shard == reference.shard { sessions[holder.session]?.shard = nil }
            if recentDurations.count == 101 { recentDurations.removeFirst() }
            recentDurations.append(now - holder.since)
        }
        sessions[request.session]?.failuresInARow = 0
        report(.shardCommitted(shard: reference.shard, session: request.session))
        acknowledge(reference, .accepted, "", to: request.session)
        if shards.isComplete, jobState == .running {
            jobState = .completed
            effects.append(.completed)
            broadcastDone()
        }
    }

    mutating func storeFailed(_ request: StoreRequest, _ failure: StoreFailure, now: Duration) {
        let reference = request.commit.shard
        guard reference.job == job?.id, case .storing(request, let holder) = shards.states[reference.shard] else {
            return
        }
        if let holder {
            shards.update(reference.shard, holder)
        } else {
            shards.release(reference.shard)
        }
        switch failure {
        case .missing: acknowledge(reference, .missing, "the statistics are not here", to: request.session)
        case .later(let text):
            acknowledge(reference, .retry, text, retryAfter: configuration.heartbeatInterval, to: request.session)
        case .invalid(let text):
            acknowledge(reference, .rejected, text, to: request.session)
            blame(reference.shard, session: request.session, text: text, now: now)
        }
    }

    mutating func shardFailed(_ failure: ShardFailure, by id: SessionID, now: Duration) {
        send(.failAck(shard: failure.shard), to: id)
        let shard = failure.shard.shard
        guard jobState == .running, failure.shard.job == job?.id, sessions[id]?.shard == shard,
            case .leased(let lease) = shards.states[shard], lease.session == id, lease.attempt == failure.shard.attempt
        else { return }
        switch failure.failureClass {
        case .data: fail(.data(text: failure.text, sample: failure.sample))
        case .drained: returnShard(shard, from: id, text: "its worker leaves", countsAsLoss: false, now: now)
        case .device, .memory, .internal: blame(shard, session: id, text: failure.text, now: now)
        }
    }

    /// Counts a failure against a shard and its worker, and gives the shard to others while the limit allows.
    private mutating func blame(_ shard: Int, session id: SessionID, text: String, now: Duration) {
        guard let job else { return }
        shards.addFailure(shard, of: id)
        if sessions[id] != nil {
            sessions[id]?.failuresInARow += 1
            let excess = (sessions[id]?.failuresInARow ?? 0) - configuration.failuresBeforeRest
            if excess >= 0 {
                let rest = configuration.firstRest * (1 << min(excess, 10))
                sessions[id]?.restsUntil = now + min(rest, configuration.longestRest)
            }
        }
        if shards.failedSessions[shard].count >= configuration.maximumFailures {
            fail(
                .shard(
                    index: shard, samples: job.plan.shard(shard).samples,
                    attempts: shards.failedSessions[shard].count, text: text))
        } else if sessions[id]?.shard == shard {
            returnShard(shard, from: id, text: text, countsAsLoss: false, now: now)
        }
    }

    private mutating func acknowledge(
        _ shard: ShardReference, _ result: CommitResult, _ text: String, retryAfter: Duration? = nil, to id: SessionID
    ) {
        send(.commitAck(shard: shard, result: result, retryAfter: retryAfter, text: text), to: id)
    }
}
