internal import Calibration
internal import Wire

extension CoordinatorCore {
    /// Admits a worker, or one that was here before and lost touch.
    mutating func welcome(_ hello: Hello, id: SessionID, from peer: PeerAddress, now: Duration) {
        let device = Device(node: hello.node, localRank: hello.localRank)
        guard !isCondemned(device) else { return }  // Why is not said before it is recorded.
        if let refusal = refusal(hello, device), sessions[id] == nil {
            send(.reject(code: refusal.code, text: refusal.text, retryAfter: refusal.retryAfter), session: id, to: peer)
            report(.workerRejected(node: hello.node, process: hello.process, text: refusal.text))
            return
        }
        if sessions[id] != nil {
            sessions[id]?.peer = peer
            sessions[id]?.lastHeard = now
        } else {
            sessions[id] = WorkerSession(
                id: id, peer: peer, device: device, process: hello.process, build: hello.build,
                instructionSet: hello.instructionSet, lastHeard: now)
            sessionOrder.append(id)
            nodesSeen.insert(hello.node)
            tallies.sessions += 1
            report(.workerJoined(session: id, node: hello.node, process: hello.process))
        }
        expectDeadline(at: now + configuration.leaseDuration)
        resume(hello.resume, id: id, now: now)
        send(
            .welcome(
                Welcome(
                    cluster: configuration.cluster, epoch: configuration.epoch,
                    heartbeatInterval: configuration.heartbeatInterval, leaseDuration: configuration.leaseDuration,
                    dataEndpoint: configuration.dataEndpoint)), to: id)
        announceModel(to: id)
    }

    /// Why a worker is turned away.
    private func refusal(_ hello: Hello, _ device: Device) -> (code: RejectCode, text: String, retryAfter: Duration?)? {
        guard (hello.minimumVersion...hello.maximumVersion).contains(WireLimits.version) else {
            let text =
                "The worker \(hello.build) speaks protocol versions \(hello.minimumVersion) to \(hello.maximumVersion), "
                + "this coordinator version \(WireLimits.version); use the same build on both sides"
            return (.version, text, nil)
        }
        if quarantined.contains(device) { return (.quarantined, Self.quarantineText(device), nil) }
        if configuration.dismissesWorkers, let text = refusal(hello.instructionSet) {
            return (.instructionSet, text, nil)
        }
        guard sessionOrder.count < configuration.maximumWorkers else {
            let text = "The coordinator has its \(configuration.maximumWorkers) workers; start fewer"
            return (.full, text, configuration.leaseDuration)
        }
        return nil
    }

    static func quarantineText(_ device: Device) -> String {
        "The device \(device) has computed wrong statistics; have it checked before it computes again"
    }

    /// Why a worker with this instruction set has nothing to do here: no job allows it.
    func refusal(_ instructionSet: String) -> String? {
        guard !running.isEmpty, running.allSatisfy({ !jobs[$0].allows(instructionSet) }),
            let required = jobs[running[0]].job.plan.specification.requiredInstructionSet
        else { return nil }
        return
            "The job computes with \(required), the worker with \(instructionSet), whose results may differ in the last "
            + "bit; allow any instruction set in the job, or leave this machine out"
    }

    /// Lets a worker go on with the shard it holds when nobody else has it.
    private mutating func resume(_ held: [Hello.Resume], id: SessionID, now: Duration) {
        guard let session = sessions[id], session.assignment == nil else { return }
        for entry in held {
            let reference = entry.shard
            guard let j = jobPositions[reference.job], jobs[j].isOpen, mayCompute(session, j),
                (0..<jobs[j].openShards).contains(reference.shard),
                jobs[j].shards.states[reference.shard] == .pending,
                jobs[j].shards.isPlausible(attempt: reference.attempt)
            else { continue }
            assign(id, j, reference, .counting, now: now)
            return
        }
    }

    /// Forgets a worker and gives its shard to others.
    mutating func remove(_ id: SessionID, text: String, blamesShard: Bool, now: Duration) {
        guard sessions[id] != nil else { return }
        sessions[id]?.isWaiting = false
        sessions[id]?.isDraining = true
        giveUp(id, text: text, isLoss: blamesShard, now: now)
        guard let session = sessions.removeValue(forKey: id) else { return }
        sessionOrder.removeAll { $0 == id }
        report(.workerLeft(session: id, node: session.device.node, process: session.process, text: text))
        // Somebody else may be the last one who could finish what a job waits for.
        for j in running { settle(j, now: now) }
    }

    mutating func workerExited(node: String, process: Int, _ text: String, now: Duration) {
        for id in sessionOrder where sessions[id]?.device.node == node && sessions[id]?.process == process {
            remove(id, text: text, blamesShard: true, now: now)
        }
    }

    mutating func heartbeat(_ progress: [ShardProgress], from id: SessionID, now: Duration) {
        var cancel: [ShardReference] = []
        for entry in progress {
            guard let assignment = sessions[id]?.assignment, assignment.reference == entry.shard else {
                cancel.append(entry.shard)
                continue
            }
            guard entry.samples != assignment.samples || entry.activity != assignment.activity else { continue }
            sessions[id]?.assignment?.samples = entry.samples
            sessions[id]?.assignment?.activity = entry.activity
            sessions[id]?.assignment?.progressAt = now
            sessions[id]?.assignment?.hasStarted = true
        }
        send(.heartbeatAck(cancel: cancel, drain: sessions[id]?.isDraining ?? false), to: id)
        announceModel(to: id)
    }

    /// How long a worker may go without progress: a configured time, or a multiple of the median shard.
    func progressTimeout(_ j: Int) -> Duration {
        guard let median = jobs[j].durations.median else { return configuration.progressTimeout }
        return max(configuration.progressTimeout, median * configuration.progressFactor)
    }

    mutating func checkDeadlines(now: Duration) {
        checkAt = nil
        for id in sessionOrder {
            guard let session = sessions[id] else { continue }
            guard now < session.lastHeard + configuration.leaseDuration else {
                let text = "nothing was heard for \(configuration.leaseDuration.components.seconds) s"
                tallies.silences += 1
                remove(id, text: text, blamesShard: true, now: now)
                continue
            }
            expectDeadline(at: session.lastHeard + configuration.leaseDuration)
            guard let assignment = session.assignment else { continue }
            let limit = progressTimeout(assignment.job)
            // A result that is being stored, or that the store refuses, is not the worker's delay.
            if jobs[assignment.job].isStoring(assignment.shard, for: id) || !jobs[assignment.job].isRunning { continue }
            if now >= assignment.progressAt + limit {
                tallies.stalls += 1
                // A worker that never gets on must not take one shard after the other.
                sessionFailed(id, now: now)
                giveUp(id, text: "no progress for \(limit.components.seconds) s", isLoss: true, now: now)
            } else {
                expectDeadline(at: assignment.progressAt + limit)
            }
        }
        checkDecisions(now: now)
    }
}

extension JobState {
    /// Whether a session's result is on its way into the store.
    func isStoring(_ shard: Int, for session: SessionID) -> Bool {
        shards.requests[shard]?.session == session
    }
}
