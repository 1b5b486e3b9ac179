internal import Calibration
internal import Wire

/// Finding devices that compute wrongly: results are deterministic, so two attempts at a shard have the same digest.
extension CoordinatorCore {
    func isCondemned(_ device: Device) -> Bool { condemnations.contains { $0.device == device } }

    /// Has a counted shard computed again elsewhere, if it is one of those that are audited.
    mutating func pickForAudit(_ j: Int, _ shard: Int) {
        guard AuditQueue.picks(shard, of: jobs[j].job), let device = jobs[j].shards.devices[shard] else { return }
        jobs[j].audits.add(shard, node: device.node)
    }

    /// Ends a job of rounds: later rounds have gone on with what was counted, so a third opinion would come too late.
    private mutating func failForConflict(_ j: Int, _ shard: Int, between owner: Device, and device: Device) {
        let devices = "\(owner) and \(device)"
        fail(j, .store(text: "\(devices) computed different results for shard \(shard); one of them is faulty"))
    }

    /// Compares a result with the counted one.
    mutating func compare(_ commit: Commit, by id: SessionID, now: Duration) {
        let reference = commit.shard
        let shard = reference.shard
        guard let j = jobPositions[reference.job], let device = sessions[id]?.device,
            let counted = jobs[j].shards.digests[shard], let owner = jobs[j].shards.devices[shard]
        else {
            acknowledge(reference, .rejected, "the shard has no samples", to: id)
            return
        }
        if sessions[id]?.assignment?.reference == reference {
            if sessions[id]?.assignment?.purpose == .audit { jobs[j].audits.finish(shard) }
            if commit.digest == counted { tallies.agreements += 1 }
            _ = detach(id)
            sessions[id]?.failuresInARow = 0
        }
        let isSame = commit.digest == counted
        guard jobs[j].disputes[shard] != nil || !isSame else {
            acknowledge(reference, .duplicate, "", to: id)
            settle(j, now: now)
            return
        }
        if !isSame, jobs[j].job.rounds != nil, jobs[j].isRunning {
            acknowledge(reference, .conflict, "another worker computed \(counted)", to: id)
            failForConflict(j, shard, between: owner, and: device)
            return
        }
        let decision = Decision.disputed(
            job: reference.job, shard: shard, device: device, digest: commit.digest)
        if !isSame, !isPending(decision), jobs[j].disputes[shard]?.recorded.contains(commit.digest) != true {
            report(.conflict(job: reference.job, shard: shard, session: id, counted: counted, other: commit.digest))
        }
        guard jobs[j].isRunning else {
            // Too late to settle: people are told.
            acknowledge(reference, isSame ? .duplicate : .conflict, "another worker computed \(counted)", to: id)
            return
        }
        let before = jobs[j].disputes[shard]?.opinions.first { $0.device == device }?.digest
        if !isSame && device == owner || before.map({ $0 != commit.digest }) ?? false {
            condemn(device, "it computed two different results for shard \(shard)", now: now)
            return
        }
        if jobs[j].disputes[shard] == nil {
            jobs[j].disputes[shard] = .init(opinions: [(owner, counted)])
            jobs[j].disputedShards.append(shard)
        }
        let recorded = jobs[j].disputes[shard]?.recorded.contains(commit.digest) == true
        if jobs[j].disputes[shard]?.opinions.contains(where: { $0.device == device }) == false {
            jobs[j].disputes[shard]?.opinions.append((device, commit.digest))
        }
        if !isSame, !recorded, !isPending(decision) { record(decision) }
        if isSame {
            acknowledge(reference, .duplicate, "", to: id)
        } else if recorded {
            acknowledge(reference, .conflict, "another worker computed \(counted)", to: id)
        }
        resolve(j, shard, now: now)
        serveWaiting(now: now)
        settle(j, now: now)
    }

    /// Whether a session's result would settle a dispute: its device has not computed the shard, and neither has another
    /// one of its node, unless there is only one node.
    func canArbitrate(_ session: WorkerSession, _ j: Int, _ shard: Int) -> Bool {
        guard graceEnds == nil, let dispute = jobs[j].disputes[shard], dispute.session == nil else { return false }
        return dispute.opinions.allSatisfy { opinion in
            opinion.device != session.device && (nodesSeen.count == 1 || opinion.device.node != session.device.node)
        }
    }

    /// Ends a dispute when two devices agree: the others are faulty.
    mutating func resolve(_ j: Int, _ shard: Int, now: Duration) {
        guard jobs[j].isRunning, let dispute = jobs[j].disputes[shard], let settled = dispute.settled else { return }
        drop(dispute: shard, of: j)
        for opinion in dispute.opinions where opinion.digest != settled {
            condemn(
                opinion.device,
                "for shard \(shard) of job \(jobs[j].job.id) it computed another result than two others",
                now: now)
        }
    }

    private mutating func drop(dispute shard: Int, of j: Int) {
        if let session = jobs[j].disputes[shard]?.session { cancel(session) }
        jobs[j].disputes[shard] = nil
        jobs[j].disputedShards.removeAll { $0 == shard }
    }

    /// Decides that a device computes wrongly.
    ///
    /// Jobs that it may have counted shards in pause until that is recorded.
    mutating func condemn(_ device: Device, _ text: String, now: Duration) {
        guard !isCondemned(device), !quarantined.contains(device) else { return }
        let doubtful = running.filter { jobs[$0].shards.counts(device) || jobs[$0].shards.storingCount > 0 }
        for j in doubtful { jobs[j].pauses += 1 }
        condemnations.append(Condemnation(device: device, text: text, jobs: doubtful))
        for id in sessionOrder where sessions[id]?.device == device {
            sessions[id]?.isWaiting = false
            giveUp(id, text: "its device is suspected", isLoss: false, now: now, serves: false)
        }
        // What it said in other disputes counts no more.
        for j in running {
            for shard in jobs[j].disputedShards {
                guard let dispute = jobs[j].disputes[shard], dispute.opinions.first?.device != device else { continue }
                jobs[j].disputes[shard]?.opinions.removeAll { $0.device == device }
                if dispute.opinions.allSatisfy({ $0.device == device || $0.digest == dispute.opinions[0].digest }) {
                    drop(dispute: shard, of: j)
                }
            }
        }
        advanceCondemnations()
        serveWaiting(now: now)
    }

    /// Has a quarantine recorded once nothing of the jobs that start over is on its way into the store.
    mutating func advanceCondemnations() {
        for index in condemnations.indices where !condemnations[index].isSent {
            let affected = condemnations[index].jobs.filter { jobs[$0].isRunning }
            guard affected.allSatisfy({ jobs[$0].shards.storingCount == 0 }) else { continue }
            condemnations[index].isSent = true
            let device = condemnations[index].device
            let resets = affected.filter { jobs[$0].shards.counts(device) }.map { jobs[$0].job.id }
            record(.quarantined(device, text: condemnations[index].text, resets: resets))
        }
    }

    /// A device is quarantined, durably: its workers leave, and the jobs that it had counted shards in start over.
    mutating func quarantine(_ device: Device, _ text: String, resets: [UInt64], now: Duration) {
        guard let index = condemnations.firstIndex(where: { $0.device == device }) else { return }
        let affected = condemnations.remove(at: index).jobs
        quarantined.append(device)
        report(.deviceQuarantined(device, text: text))
        for j in affected { jobs[j].pauses -= 1 }
        for j in jobs.indices {
            let id = jobs[j].job.id
            if jobs[j].isRunning, resets.contains(id) {
                reset(j)
                report(.jobReset(job: id, device))
            } else if jobs[j].contributors[device] != nil
                || jobs[j].phase == .finalizing && jobs[j].shards.counts(device)
            {
                report(.resultInDoubt(job: id, device))
            }
        }
        for id in sessionOrder {
            guard let session = sessions[id], session.device == device else { continue }
            send(.reject(code: .quarantined, text: Self.quarantineText(device), retryAfter: nil), to: id)
            remove(id, text: text, blamesShard: false, now: now)
        }
        for j in running {
            for shard in jobs[j].excluded.keys.sorted() { storeIfEmpty(j, shard) }
            settle(j, now: now)
        }
        serveWaiting(now: now)
    }

    /// Starts a job over.
    ///
    /// Attempts under way go on: what healthy devices compute is right.
    private mutating func reset(_ j: Int) {
        jobs[j].shards.reset()
        jobs[j].committedSamples = 0
        jobs[j].audits = AuditQueue()
        jobs[j].disputes = [:]
        jobs[j].disputedShards = []
        jobs[j].speculated = []
        jobs[j].patienceEnds = nil
        jobs[j].resets += 1
        if jobs[j].job.rounds != nil {
            // What is under way belongs to a round whose input came from the faulty device.
            for id in sessionOrder where sessions[id]?.assignment?.job == j {
                guard let shard = sessions[id]?.assignment?.shard else { continue }
                cancel(id)
                if jobs[j].shards.states[shard] == .leased { jobs[j].shards.release(shard) }
            }
            for shard in jobs[j].bisections.keys.sorted() { jobs[j].shards.release(shard) }
            jobs[j].bisections = [:]
            jobs[j].openTrials = []
            jobs[j].shards.reset()
            jobs[j].closeRounds()
            return
        }
        for id in sessionOrder {
            guard let assignment = sessions[id]?.assignment, assignment.job == j else { continue }
            switch assignment.purpose {
            case .counting, .trial: break
            case .speculation: jobs[j].speculated.insert(assignment.shard)
            case .audit, .arbitration:
                // A comparison has become the first attempt; its statistics will be asked for when it is done.
                if jobs[j].shards.states[assignment.shard] == .pending {
                    jobs[j].shards.lease(assignment.shard, to: id)
                    sessions[id]?.assignment?.purpose = .counting
                } else {
                    cancel(id)
                }
            }
        }
    }

    /// Whether the end of a job waits for an audit or an arbitration that somebody can do, or may come to do.
    mutating func awaitsComparison(_ j: Int, now: Duration) -> Bool {
        guard !jobs[j].audits.isEmpty || !jobs[j].disputedShards.isEmpty else { return false }
        if graceEnds != nil { return true }
        let isUnderWay =
            !jobs[j].audits.sessions.isEmpty
            || jobs[j].disputedShards.contains { jobs[j].disputes[$0]?.session != nil }
        let isPossible = sessionOrder.contains { id in
            guard let session = sessions[id], mayCompute(session, j) else { return false }
            return jobs[j].audits.next(for: session.device.node) != nil
                || jobs[j].disputedShards.contains { canArbitrate(session, j, $0) }
        }
        if isUnderWay || isPossible {
            jobs[j].patienceEnds = nil
            return true
        }
        // A cluster that never had a second node need not wait for one.
        if nodesSeen.count > 1 || !jobs[j].disputedShards.isEmpty {
            let end = jobs[j].patienceEnds ?? now + configuration.arbitrationPatience
            jobs[j].patienceEnds = end
            if now < end {
                expectDeadline(at: end)
                return true
            }
        }
        let dropped = jobs[j].audits.dropWaiting()
        if dropped > 0 { report(.auditSkipped(job: jobs[j].job.id, shards: dropped)) }
        return false
    }
}
