internal import Calibration
internal import Wire

extension CoordinatorCore {
    /// What is inconsistent, for tests; empty unless there is a bug.
    ///
    /// Takes time that grows with shards and workers.
    package func checkInvariants() -> [String] {
        var wrong: [String] = []
        if Set(sessionOrder) != Set(sessions.keys) || sessionOrder.count != sessions.count {
            wrong.append("session order and sessions differ")
        }
        if !sessionOrder.isEmpty, checkAt == nil { wrong.append("sessions without a deadline") }
        if jobs.indices.filter({ jobs[$0].isRunning }) != running { wrong.append("running jobs are \(running)") }
        var assigned = Array(repeating: 0, count: jobs.count)
        for id in sessionOrder {
            guard let session = sessions[id], let assignment = session.assignment else { continue }
            assigned[assignment.job] += 1
            if session.isWaiting { wrong.append("session \(id) waits with a shard") }
            if let problem = problem(with: assignment, of: id) { wrong.append("session \(id): \(problem)") }
        }
        for j in jobs.indices {
            if jobs[j].leaseCount != assigned[j] { wrong.append("job \(j) has \(jobs[j].leaseCount) leases") }
            if jobs[j].pauses != condemnations.count(where: { $0.jobs.contains(j) }) {
                wrong.append("job \(j) is paused")
            }
            wrong += problems(withJob: j)
        }
        return wrong
    }

    private func problem(with assignment: Assignment, of id: SessionID) -> String? {
        let job = jobs[assignment.job]
        let shard = assignment.shard
        if job.hasEnded { return "computes for an ended job" }
        switch assignment.purpose {
        case .counting:
            let state = job.shards.states[shard]
            return (state == .leased || state == .storing) && job.shards.holders[shard] == id
                ? nil : "shard \(shard) is \(state) and not its own"
        case .speculation: return job.speculations[shard] == id ? nil : "speculates on shard \(shard) unknown"
        case .audit: return job.audits.sessions[shard] == id ? nil : "audits shard \(shard) unknown"
        case .arbitration: return job.disputes[shard]?.session == id ? nil : "settles shard \(shard) unknown"
        case .trial: return nil  // The shard may have been computed meanwhile.
        }
    }

    private func problems(withJob j: Int) -> [String] {
        let job = jobs[j]
        let shards = job.shards
        var wrong: [String] = []
        var counts: [ShardTable.State: Int] = [:]
        var samples = 0
        for shard in 0..<shards.count {
            let state = shards.states[shard]
            counts[state, default: 0] += 1
            let isQueued = shards.returned.contains(shard)
            if state == .pending ? isQueued == (shard >= shards.freshIndex) : isQueued {
                wrong.append("shard \(shard) is \(state) and \(isQueued ? "" : "not ")offered")
            }
            if (state == .committed) != (shards.digests[shard] != nil) { wrong.append("shard \(shard) has a digest") }
            if (state == .storing) != (shards.requests[shard] != nil) { wrong.append("shard \(shard) has a request") }
            switch state {
            case .committed: samples += job.sampleCount(shard)
            case .leased:
                guard let holder = shards.holders[shard], sessions[holder]?.assignment?.shard == shard else {
                    wrong.append("shard \(shard) is leased to nobody")
                    break
                }
            case .held:
                if job.isRunning, job.bisections[shard] == nil, !isAwaited(shard, j) {
                    wrong.append("shard \(shard) is held for nothing")
                }
            case .pending:
                if job.isOpen, job.sampleCount(shard) == 0 { wrong.append("shard \(shard) without samples is offered") }
            case .storing: break
            }
            if let bisection = job.bisections[shard] {
                let isOpen = job.openTrials.contains(shard)
                if job.isRunning, isOpen == (bisection.session != nil) {
                    wrong.append("trial of shard \(shard) is lost")
                }
            }
        }
        if counts[.committed, default: 0] != shards.committedCount { wrong.append("job \(j) counts wrong") }
        if counts[.storing, default: 0] != shards.storingCount { wrong.append("job \(j) stores wrong") }
        if !job.hasEnded, samples != job.committedSamples {
            wrong.append("job \(j) counts \(job.committedSamples) samples, not \(samples)")
        }
        if shards.returned != shards.returned.sorted(by: { (shards.blame($0), $0) < (shards.blame($1), $1) }) {
            wrong.append("returned shards of job \(j) are out of order")
        }
        if job.phase == .finalizing, !shards.isComplete { wrong.append("job \(j) is finalized with open shards") }
        return wrong
    }

    /// Whether a held shard waits for the store.
    private func isAwaited(_ shard: Int, _ j: Int) -> Bool {
        jobs[j].refusedEmptyShards.contains(shard)
            || pendingRecords.contains { pending in
                guard case .skipped(let job, let sample, _) = pending.decision else { return false }
                return job == jobs[j].job.id && jobs[j].shard(ofSample: sample) == shard
            }
    }
}
