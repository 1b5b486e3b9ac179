internal import Calibration
internal import Wire

extension CoordinatorCore {
    mutating func shardFailed(_ failure: ShardFailure, by id: SessionID, now: Duration) {
        send(.failAck(shard: failure.shard), to: id)
        let shard = failure.shard.shard
        guard let assignment = sessions[id]?.assignment, assignment.reference == failure.shard,
            jobs[assignment.job].isRunning
        else { return }
        let j = assignment.job
        tallies.failures[failure.failureClass, default: 0] += 1
        switch failure.failureClass {
        case .data:
            dataFailed(j, shard, failure, id: id, now: now)
        case .drained: giveUp(id, text: "its worker leaves", isLoss: false, now: now)
        case .memory:
            // Running out of memory is what a poisoned sample does to a worker that has a limit.
            sessions[id]?.assignment?.hasStarted = true
            sessionFailed(id, now: now)
            giveUp(id, text: failure.text, isLoss: true, now: now)
        case .device, .internal: workerFailed(j, shard, session: id, text: failure.text, now: now)
        }
    }

    /// The data are at fault: every worker would fail the same way.
    private mutating func dataFailed(
        _ j: Int, _ shard: Int, _ failure: ShardFailure, id: SessionID, now: Duration
    ) {
        switch jobs[j].shards.states[shard] {
        case .leased, .held: break
        case .pending, .storing, .committed:
            // Somebody else has computed it: it is not the data.
            workerFailed(j, shard, session: id, text: failure.text, now: now)
            return
        }
        guard let sample = failure.sample else {
            fail(j, .data(text: failure.text, sample: nil))
            return
        }
        guard jobs[j].job.plan.shard(shard).samples.contains(sample), jobs[j].excluded[shard]?.contains(sample) != true
        else {
            workerFailed(j, shard, session: id, text: "sample \(sample) is not in the shard", now: now)
            return
        }
        guard jobs[j].job.poisonPolicy == .skip else {
            fail(j, .data(text: failure.text, sample: sample))
            return
        }
        giveUp(id, text: "sample \(sample): \(failure.text)", isLoss: false, now: now, serves: false)
        skipOrFail(j, shard, sample, text: failure.text)
        serveWaiting(now: now)
    }

    /// Counts a failure against a shard and its worker, and gives the shard to others while the limit allows.
    mutating func workerFailed(_ j: Int, _ shard: Int, session id: SessionID, text: String, now: Duration) {
        guard jobs[j].isRunning else { return }
        jobs[j].shards.trouble(shard) { trouble in
            if !trouble.failedSessions.contains(id) || trouble.failedSessions.last == id {
                trouble.failedSessions.append(id)
            }
        }
        sessionFailed(id, now: now)
        let attempts = jobs[j].shards.troubles[shard]?.failedSessions.count ?? 0
        if attempts >= configuration.maximumFailures, jobs[j].shards.states[shard] != .committed {
            let samples = jobs[j].job.plan.shard(shard).samples
            fail(j, .shard(index: shard, samples: samples, attempts: attempts, text: text))
        } else if let assignment = sessions[id]?.assignment, assignment.job == j, assignment.shard == shard {
            giveUp(id, text: text, isLoss: false, now: now)
        }
    }

    /// Lets a worker rest that fails again and again.
    mutating func sessionFailed(_ id: SessionID, now: Duration) {
        guard sessions[id] != nil else { return }
        sessions[id]?.failuresInARow += 1
        let excess = (sessions[id]?.failuresInARow ?? 0) - configuration.failuresBeforeRest
        if excess >= 0 {
            let rest = configuration.firstRest * (1 << min(excess, 10))
            sessions[id]?.restsUntil = now + min(rest, configuration.longestRest)
        }
    }

    /// Takes what a session computes off it and gives it to others.
    ///
    /// - Parameters:
    ///   - id: The session.
    ///   - text: Why, for people.
    ///   - isLoss: Whether the shard may be to blame, provided that the worker had begun with it.
    ///   - now: When.
    ///   - serves: Whether to offer it to waiting workers at once.
    mutating func giveUp(_ id: SessionID, text: String, isLoss: Bool, now: Duration, serves: Bool = true) {
        guard let device = sessions[id]?.device, let assignment = detach(id) else { return }
        let (j, shard) = (assignment.job, assignment.shard)
        let isStored = jobs[j].isStoring(shard, for: id)
        let isBlamed = isLoss && assignment.hasStarted && jobs[j].isRunning && !isStored
        tallies.returned += 1
        if jobs[j].shards.states[shard] != .storing {
            report(.shardReturned(job: assignment.reference.job, shard: shard, session: id, text: text))
        }
        if isBlamed, jobs[j].shards.states[shard] != .committed { addLoss(j, shard, id, device) }
        switch assignment.purpose {
        case .counting:
            if jobs[j].shards.states[shard] == .leased { reopen(j, shard) }
        case .speculation, .audit, .arbitration: break
        case .trial(let part): trialEnded(j, shard, part, isLoss: isBlamed, text: text)
        }
        if serves { serveWaiting(now: now) }
    }

    /// Offers a shard again that its holder has lost: as a whole, or in parts when it cost too many workers.
    private mutating func reopen(_ j: Int, _ shard: Int) {
        if promoteSpeculation(j, shard) { return }
        jobs[j].shards.release(shard)
        guard isSuspicious(j, shard) else { return }
        bisect(j, shard)
    }

    /// Makes the second attempt at a shard the only one, now that the first has come to nothing.
    ///
    /// - Returns: Whether there was a second one.
    @discardableResult
    mutating func promoteSpeculation(_ j: Int, _ shard: Int) -> Bool {
        guard let second = jobs[j].speculations[shard], sessions[second]?.assignment?.shard == shard else {
            return false
        }
        jobs[j].speculations[shard] = nil
        sessions[second]?.assignment?.purpose = .counting
        jobs[j].shards.setHolder(shard, second)
        return true
    }

    private mutating func addLoss(_ j: Int, _ shard: Int, _ id: SessionID, _ device: Device) {
        // A lone worker that runs out of memory again and again is as good as several.
        guard !hasLost(id, j, shard) || isAlone(id, j, shard) else { return }
        jobs[j].shards.trouble(shard) { $0.losses.append((id, device)) }
        record(.blamed(job: jobs[j].job.id, shard: shard, session: id, device: device))
    }

    /// Whether a shard has cost so many workers that its samples come under suspicion.
    ///
    /// The workers are of two nodes, or there is no second node, or they are twice as many: a single bad machine does
    /// not make a shard suspicious while others could try it.
    private func isSuspicious(_ j: Int, _ shard: Int) -> Bool {
        guard jobs[j].isRunning, let losses = jobs[j].shards.troubles[shard]?.losses,
            losses.count >= configuration.lossesBeforeBisection, let node = losses.first?.device.node
        else { return false }
        if losses.count >= 2 * configuration.lossesBeforeBisection { return true }
        if losses.contains(where: { $0.device.node != node }) { return true }
        return !sessionOrder.contains { id in
            guard let session = sessions[id] else { return false }
            return session.device.node != node && mayCompute(session, j)
        }
    }
}
