internal import Calibration
internal import Wire

extension CoordinatorCore {
    /// Has a decision recorded; what follows from it happens when it is.
    mutating func record(_ decision: Decision) {
        pendingRecords.append(PendingRecord(decision: decision))
        effects.append(.record(decision))
    }

    func isPending(_ decision: Decision) -> Bool { pendingRecords.contains { $0.decision == decision } }

    mutating func recordFailed(_ decision: Decision, _ text: String, now: Duration) {
        guard let index = pendingRecords.firstIndex(where: { $0.decision == decision }) else { return }
        noteStore(refuses: text)
        if case .blamed(_, _, _, _) = decision {
            // It would only save workers after a restart.
            pendingRecords.remove(at: index)
            if let j = decision.job.flatMap({ jobPositions[$0] }) { settle(j, now: now) }
            return
        }
        pendingRecords[index].againAt = now + configuration.storeRetryInterval
        expectDeadline(at: now + configuration.storeRetryInterval)
    }

    /// A store that refuses does not stop leasing: a worker holds one result and asks for no other shard before that is
    /// taken, so at most one shard per worker is computed ahead, and work goes on at once when there is space again.
    mutating func noteStore(refuses text: String?) {
        guard storeRefuses != (text != nil) else { return }
        storeRefuses = text != nil
        report(text.map { .storeRefuses(text: $0) } ?? .storeRecovered)
    }

    mutating func recorded(_ decision: Decision, now: Duration) {
        guard let index = pendingRecords.firstIndex(where: { $0.decision == decision }) else { return }
        pendingRecords.remove(at: index)
        noteStore(refuses: nil)
        switch decision {
        case .ended(let job, let failure):
            if let j = jobPositions[job] { end(j, .failed(failure), now: now) }
        case .skipped(let job, let sample, let text): skip(sample, text, job, now: now)
        case .quarantined(let device, let text, let resets): quarantine(device, text, resets: resets, now: now)
        case .disputed(let job, let shard, _, let digest):
            guard let j = jobPositions[job] else { break }
            jobs[j].disputes[shard]?.recorded.append(digest)
            resolve(j, shard, now: now)
            serveWaiting(now: now)
        case .blamed: break
        }
        if let j = decision.job.flatMap({ jobPositions[$0] }) { settle(j, now: now) }
    }

    /// Asks again for what the store refused, and for what has waited long enough.
    mutating func checkDecisions(now: Duration) {
        for index in pendingRecords.indices {
            guard let time = pendingRecords[index].againAt else { continue }
            if now >= time {
                pendingRecords[index].againAt = nil
                effects.append(.record(pendingRecords[index].decision))
            } else {
                expectDeadline(at: time)
            }
        }
        for j in jobs.indices {
            if let time = jobs[j].finalizeAgainAt {
                if now >= time {
                    jobs[j].finalizeAgainAt = nil
                    effects.append(.finalize(job: jobs[j].job.id, conflicts: jobs[j].disputedShards.sorted()))
                } else {
                    expectDeadline(at: time)
                }
            }
        }
        for j in running {
            // A job that waits for a quarantine tries again when that is recorded.
            if jobs[j].isOpen, !jobs[j].refusedEmptyShards.isEmpty {
                let shards = jobs[j].refusedEmptyShards
                jobs[j].refusedEmptyShards = []
                for shard in shards { storeIfEmpty(j, shard) }
            }
            settle(j, now: now)
        }
        if let graceEnds {
            if now >= graceEnds {
                self.graceEnds = nil
                serveWaiting(now: now)
            } else {
                expectDeadline(at: graceEnds)
            }
        }
    }
}
