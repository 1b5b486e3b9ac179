internal import Calibration
internal import Wire

extension CoordinatorCore {
    /// Admits a worker, or one that was here before and lost touch.
    mutating func welcome(_ hello: Hello, id: SessionID, from peer: PeerAddress, now: Duration) {
        guard (hello.minimumVersion...hello.maximumVersion).contains(WireLimits.version) else {
            let text =
                "The worker \(hello.build) speaks protocol versions \(hello.minimumVersion) to \(hello.maximumVersion), "
                + "this coordinator version \(WireLimits.version); use the same build on both sides"
            reject(hello, .version, text, retryAfter: nil, id: id, peer: peer)
            return
        }
        if let text = refusal(hello.instructionSet) {
            reject(hello, .instructionSet, text, retryAfter: nil, id: id, peer: peer)
            return
        }
        if sessions[id] != nil {
            sessions[id]?.peer = peer
            sessions[id]?.lastHeard = now
        } else {
            guard sessionOrder.count < configuration.maximumWorkers else {
                let text = "The coordinator has its \(configuration.maximumWorkers) workers; start fewer"
                reject(hello, .full, text, retryAfter: configuration.leaseDuration, id: id, peer: peer)
                return
            }
            sessions[id] = WorkerSession(
                id: id, peer: peer, node: hello.node, process: hello.process, instructionSet: hello.instructionSet,
                lastHeard: now, isDraining: isDraining)
            sessionOrder.append(id)
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
    }

    private mutating func reject(
        _ hello: Hello, _ code: RejectCode, _ text: String, retryAfter: Duration?, id: SessionID, peer: PeerAddress
    ) {
        send(.reject(code: code, text: text, retryAfter: retryAfter), session: id, to: peer)
        report(.workerRejected(node: hello.node, process: hello.process, text: text))
    }

    /// Lets a worker go on with the shard it holds when nobody else has it.
    private mutating func resume(_ held: [Hello.Resume], id: SessionID, now: Duration) {
        guard jobState == .running, let job, sessions[id]?.shard == nil,
            let first = held.first(where: { $0.shard.job == job.id && (0..<shards.count).contains($0.shard.shard) }),
            case .pending = shards.states[first.shard.shard]
        else { return }
        _ = shards.lease(first.shard.shard, to: id, attempt: first.shard.attempt, now: now)
        sessions[id]?.shard = first.shard.shard
        sessions[id]?.isWaiting = false
        expectDeadline(at: now + progressTimeout)
    }

    /// Why a worker with this instruction set may not work on the job.
    func refusal(_ instructionSet: String) -> String? {
        guard let required = job?.plan.specification.requiredInstructionSet, required != instructionSet else {
            return nil
        }
        return
            "The job computes with \(required), the worker with \(instructionSet), whose results may differ in the last "
            + "bit; allow any instruction set in the job, or leave this machine out"
    }

    /// Forgets a worker and gives its shard to others.
    mutating func remove(_ id: SessionID, text: String, blamesShard: Bool, now: Duration) {
        guard let session = sessions.removeValue(forKey: id) else { return }
        sessionOrder.removeAll { $0 == id }
        report(.workerLeft(session: id, node: session.node, process: session.process, text: text))
        guard let shard = session.shard else { return }
        returnShard(shard, from: id, text: text, countsAsLoss: blamesShard, now: now)
    }

    /// Takes a shard back from a worker that is gone or stuck.
    mutating func returnShard(_ shard: Int, from id: SessionID, text: String, countsAsLoss: Bool, now: Duration) {
        sessions[id]?.shard = nil
        switch shards.states[shard] {
        case .storing: shards.dropHolder(shard)
        case .leased(let lease):
            if countsAsLoss, lease.hasStarted {
                shards.addLoss(shard)
            }
            shards.release(shard)
            report(.shardReturned(shard: shard, session: id, text: text))
            if let job, shards.losses[shard] >= configuration.maximumLosses {
                fail(.losses(index: shard, samples: job.plan.shard(shard).samples, losses: shards.losses[shard]))
            } else {
                serveWaiting(now: now)
            }
        case .pending, .committed: break
        }
    }

    mutating func workerExited(node: String, process: Int, _ text: String, now: Duration) {
        for id in sessionOrder where sessions[id]?.node == node && sessions[id]?.process == process {
            remove(id, text: text, blamesShard: true, now: now)
        }
    }

    mutating func heartbeat(_ progress: [ShardProgress], from id: SessionID, now: Duration) {
        var cancel: [ShardReference] = []
        for entry in progress {
            if jobState == .running, entry.shard.job == job?.id, sessions[id]?.shard == entry.shard.shard,
                holds(entry.shard, id: id, entry, now: now)
            {
                continue
            }
            cancel.append(entry.shard)
        }
        send(.heartbeatAck(cancel: cancel, drain: sessions[id]?.isDraining ?? false), to: id)
    }

    /// Notes progress.
    ///
    /// - Returns: Whether the session holds this attempt.
    private mutating func holds(
        _ reference: ShardReference, id: SessionID, _ entry: ShardProgress, now: Duration
    ) -> Bool {
        switch shards.states[reference.shard] {
        case .leased(var lease) where lease.session == id && lease.attempt == reference.attempt:
            if entry.samples != lease.samples || entry.activity != lease.activity {
                lease.samples = entry.samples
                lease.activity = entry.activity
                lease.progressAt = now
                lease.hasStarted = true
                shards.update(reference.shard, lease)
            }
            return true
        case .storing(_, let holder): return holder?.session == id && holder?.attempt == reference.attempt
        default: return false
        }
    }

    /// How long a worker may go without progress: a configured time, or a multiple of the median shard.
    var progressTimeout: Duration {
        guard !recentDurations.isEmpty else { return configuration.progressTimeout }
        let median = recentDurations.sorted()[recentDurations.count / 2]
        return max(configuration.progressTimeout, median * configuration.progressFactor)
    }

    mutating func checkDeadlines(now: Duration) {
        checkAt = nil
        for id in sessionOrder {
            guard let session = sessions[id] else { continue }
            guard now < session.lastHeard + configuration.leaseDuration else {
                let text = "nothing was heard for \(configuration.leaseDuration.components.seconds) s"
                remove(id, text: text, blamesShard: true, now: now)
                continue
            }
            expectDeadline(at: session.lastHeard + configuration.leaseDuration)
            guard let shard = session.shard, case .leased(let lease) = shards.states[shard] else { continue }
            let limit = progressTimeout
            if now >= lease.progressAt + limit {
                let text = "no progress for \(limit.components.seconds) s"
                returnShard(shard, from: id, text: text, countsAsLoss: true, now: now)
            } else {
                expectDeadline(at: lease.progressAt + limit)
            }
        }
    }
}
