internal import Calibration
internal import Wire

extension CoordinatorCore {
    /// Answers a worker that wants work; asking again gives the same shard again.
    mutating func leaseRequested(by id: SessionID, now: Duration) {
        guard let session = sessions[id] else { return }
        if hasNoMoreWork {
            send(doneMessage, to: id)
        } else if session.isDraining {
            send(.drain, to: id)
        } else if let assignment = session.assignment {
            // While a result of the shard is stored there is nothing to say.
            if jobs[assignment.job].shards.requests[assignment.shard] == nil, jobs[assignment.job].isOpen {
                send(leaseMessage(assignment), to: id)
            }
        } else if let rest = session.restsUntil, now < rest {
            wait(id, for: rest - now, mayBeServed: false)
        } else if !serve(id, now: now) {
            wait(id, for: configuration.waitInterval)
        }
    }

    private mutating func wait(_ id: SessionID, for interval: Duration, mayBeServed: Bool = true) {
        sessions[id]?.isWaiting = mayBeServed
        send(.wait(retryAfter: interval), to: id)
    }

    /// Whether a session may be given shards of a job at all.
    func mayCompute(_ session: WorkerSession, _ j: Int) -> Bool {
        !session.isDraining && jobs[j].allows(session.instructionSet) && !isCondemned(session.device)
    }

    /// Hands a session the next shard that suits it.
    private mutating func serve(_ id: SessionID, now: Duration) -> Bool {
        guard let session = sessions[id], session.assignment == nil else { return false }
        var candidates = running.filter { jobs[$0].isOpen && mayCompute(session, $0) }
        if candidates.count > 1 {
            candidates.sort {
                (-jobs[$0].job.priority, jobs[$0].leaseCount, $0) < (-jobs[$1].job.priority, jobs[$1].leaseCount, $1)
            }
        }
        for j in candidates {
            if let task = nextTask(j, session) {
                begin(id, j, task.shard, task.purpose, now: now)
                return true
            }
        }
        guard !storeRefuses else { return false }  // Then it is not the workers that are slow.
        for j in candidates where jobs[j].job.speculates {
            if let shard = straggler(j, session, now: now) {
                report(.shardSpeculated(job: jobs[j].job.id, shard: shard, session: id))
                begin(id, j, shard, .speculation, now: now)
                return true
            }
        }
        return false
    }

    /// What a session can do for a job.
    ///
    /// What finds faults early comes first: a fault that is found late costs more.
    private mutating func nextTask(
        _ j: Int, _ session: WorkerSession
    ) -> (shard: Int, purpose: Assignment.Purpose)? {
        for shard in jobs[j].disputedShards where canArbitrate(session, j, shard) { return (shard, .arbitration) }
        for shard in jobs[j].openTrials {
            guard let part = jobs[j].bisections[shard]?.suspects.first else { continue }
            if hasLost(session.id, j, shard), !isAlone(session.id, j, shard) { continue }
            return (shard, .trial(part))
        }
        if let shard = jobs[j].audits.next(for: session.device.node) { return (shard, .audit) }
        guard graceEnds == nil else { return nil }  // Somebody may hold it.
        if let shard = jobs[j].shards.next(for: session.id, below: jobs[j].openShards) { return (shard, .counting) }
        // What it failed at itself it may repeat only when everybody else has failed too.
        let shard = jobs[j].shards.returned.first { shard in
            guard let failed = jobs[j].shards.troubles[shard]?.failedSessions else { return true }
            return sessionOrder.allSatisfy { id in
                guard id != session.id, let other = sessions[id], mayCompute(other, j) else { return true }
                return failed.contains(id)
            }
        }
        return shard.map { ($0, .counting) }
    }

    /// Whether a shard has cost a session before.
    func hasLost(_ id: SessionID, _ j: Int, _ shard: Int) -> Bool {
        jobs[j].shards.troubles[shard]?.losses.contains { $0.session == id } ?? false
    }

    /// Whether nobody is there that a shard has not cost yet, besides this session.
    func isAlone(_ id: SessionID, _ j: Int, _ shard: Int) -> Bool {
        sessionOrder.allSatisfy { other in
            guard other != id, let session = sessions[other], mayCompute(session, j) else { return true }
            return hasLost(other, j, shard)
        }
    }

    /// The shard that runs longest, if it runs long enough for a second attempt by this session.
    private func straggler(_ j: Int, _ session: WorkerSession, now: Duration) -> Int? {
        let job = jobs[j]
        guard job.durations.count >= 3, let median = job.durations.median,
            job.speculated.count < max(1, job.shards.count / 10)
        else { return nil }
        let isElsewherePossible = { (node: String) in
            sessionOrder.contains { id in
                guard let other = sessions[id] else { return false }
                return other.device.node != node && mayCompute(other, j)
            }
        }
        var slowest: (since: Duration, shard: Int, node: String)?
        for id in sessionOrder where id != session.id {
            guard let other = sessions[id], let assignment = other.assignment, assignment.job == j,
                assignment.purpose == .counting, !job.speculated.contains(assignment.shard),
                job.shards.states[assignment.shard] == .leased,
                now - assignment.since > median * configuration.stragglerFactor
            else { continue }
            if slowest.map({ assignment.since < $0.since }) ?? true {
                slowest = (assignment.since, assignment.shard, other.device.node)
            }
        }
        guard let slowest, slowest.node != session.device.node || !isElsewherePossible(slowest.node) else { return nil }
        return slowest.shard
    }

    /// Hands out a new attempt.
    private mutating func begin(
        _ id: SessionID, _ j: Int, _ shard: Int, _ purpose: Assignment.Purpose, now: Duration
    ) {
        let reference = ShardReference(
            job: jobs[j].job.id, shard: shard, attempt: jobs[j].shards.nextAttempt(shard))
        assign(id, j, reference, purpose, now: now)
        if let assignment = sessions[id]?.assignment { send(leaseMessage(assignment), to: id) }
    }

    /// Notes that a session computes something.
    mutating func assign(
        _ id: SessionID, _ j: Int, _ reference: ShardReference, _ purpose: Assignment.Purpose, now: Duration
    ) {
        let shard = reference.shard
        switch purpose {
        case .counting: jobs[j].shards.lease(shard, to: id)
        case .speculation:
            jobs[j].speculations[shard] = id
            jobs[j].speculated.insert(shard)
            tallies.speculations += 1
        case .audit:
            jobs[j].audits.begin(shard, by: id)
            tallies.audits += 1
        case .arbitration:
            jobs[j].disputes[shard]?.session = id
            tallies.audits += 1
        case .trial:
            jobs[j].bisections[shard]?.session = id
            jobs[j].openTrials.removeAll { $0 == shard }
            tallies.trials += 1
        }
        tallies.attempts += 1
        jobs[j].leaseCount += 1
        sessions[id]?.assignment = Assignment(
            job: j, reference: reference, purpose: purpose, since: now, progressAt: now)
        sessions[id]?.isWaiting = false
        expectDeadline(at: now + progressTimeout(j))
    }

    /// Takes what a session computes off it, without deciding what becomes of the shard.
    mutating func detach(_ id: SessionID) -> Assignment? {
        guard let assignment = sessions[id]?.assignment else { return nil }
        sessions[id]?.assignment = nil
        let (j, shard) = (assignment.job, assignment.shard)
        jobs[j].leaseCount -= 1
        switch assignment.purpose {
        case .counting: if jobs[j].shards.holders[shard] == id { jobs[j].shards.setHolder(shard, nil) }
        case .speculation: if jobs[j].speculations[shard] == id { jobs[j].speculations[shard] = nil }
        case .audit:
            if jobs[j].audits.abandon(shard, node: jobs[j].shards.devices[shard]?.node) {
                report(.auditSkipped(job: jobs[j].job.id, shards: 1))
            }
        case .arbitration: if jobs[j].disputes[shard]?.session == id { jobs[j].disputes[shard]?.session = nil }
        case .trial: if jobs[j].bisections[shard]?.session == id { jobs[j].bisections[shard]?.session = nil }
        }
        return assignment
    }

    /// Takes what a session computes off it and tells it to stop.
    mutating func cancel(_ id: SessionID) {
        guard let assignment = detach(id) else { return }
        send(.heartbeatAck(cancel: [assignment.reference], drain: sessions[id]?.isDraining ?? false), to: id)
    }

    /// Offers open shards to workers that were told to wait.
    mutating func serveWaiting(now: Duration) {
        guard !running.isEmpty else { return }
        for id in sessionOrder where sessions[id]?.isWaiting == true && sessions[id]?.isDraining == false {
            _ = serve(id, now: now)
        }
    }

    private func leaseMessage(_ assignment: Assignment) -> Message {
        let job = jobs[assignment.job].job
        let purpose: LeasePurpose =
            switch assignment.purpose {
            case .counting, .speculation: .count
            case .audit, .arbitration: .compare
            case .trial(let part): .trial(part)
            }
        return .lease(
            Lease(
                shard: assignment.reference, epoch: configuration.epoch,
                specificationDigest: job.plan.specificationDigest, deliveryDigest: job.deliveryDigest,
                planDigest: job.plan.digest, progressTimeout: progressTimeout(assignment.job), purpose: purpose,
                excluded: jobs[assignment.job].excluded[assignment.shard] ?? [],
                inputDigest: jobs[assignment.job].input(ofShard: assignment.shard)))
    }
}
