internal import Calibration
internal import Wire

/// How far a job is.
public struct CoordinatorProgress: Sendable, Hashable {
    /// Samples of shards that are counted, plus those that workers have computed of the shards in hand.
    public var samplesDone: Int
    /// Samples of the job, without those that are skipped.
    public var samplesTotal: Int
    /// Shards that are counted.
    public var shardsDone: Int
    /// Shards of the job.
    public var shardsTotal: Int
    /// Workers that are joined.
    public var workers: Int
    /// Workers that compute for the job.
    public var busyWorkers: Int
}

extension CoordinatorCore {
    /// Whether no worker is joined.
    public var hasNoWorkers: Bool { sessionOrder.isEmpty }

    /// How many shards of a job are counted; a constant-time question.
    public func committedShards(ofJob id: UInt64) -> Int {
        jobPositions[id].map { jobs[$0].shards.committedCount } ?? 0
    }

    /// How far a job is, or `nil` when there is no such job or it has ended; takes time that grows with the workers.
    public func progress(ofJob id: UInt64) -> CoordinatorProgress? {
        guard let j = jobPositions[id], !jobs[j].hasEnded else { return nil }
        let total = jobs[j].job.plan.specification.sampleCount - jobs[j].skipped.count
        return CoordinatorProgress(
            samplesDone: min(total, jobs[j].committedSamples + samplesInHand(j)), samplesTotal: total,
            shardsDone: jobs[j].shards.committedCount, shardsTotal: jobs[j].shards.count,
            workers: sessionOrder.count, busyWorkers: jobs[j].leaseCount)
    }

    /// Samples of shards that are not counted yet and that workers have computed.
    private func samplesInHand(_ j: Int) -> Int {
        var samples = 0
        for id in sessionOrder {
            guard let assignment = sessions[id]?.assignment, assignment.job == j, assignment.purpose == .counting else {
                continue
            }
            let isStored = jobs[j].shards.states[assignment.shard] == .storing
            samples += isStored ? jobs[j].sampleCount(assignment.shard) : assignment.samples
        }
        return samples
    }

    /// Everything at once; takes time that grows with jobs and workers, not with shards.
    public func snapshot(now: Duration) -> CoordinatorSnapshot {
        CoordinatorSnapshot(
            epoch: configuration.epoch, isReady: isReady, storeRefuses: storeRefuses,
            jobs: jobs.indices.map(snapshot(ofJobAt:)), workers: sessionOrder.compactMap { snapshot(of: $0, now: now) },
            quarantined: quarantined, events: log.all, tallies: tallies)
    }

    private func snapshot(ofJobAt j: Int) -> JobSnapshot {
        let job = jobs[j]
        var ready = 0
        if case .ended(.completed(let model?)) = job.phase {
            ready = sessionOrder.count { sessions[$0]?.loadedModel == model.digest }
        }
        let state: JobSnapshot.State =
            switch job.phase {
            case .running: job.pauses > 0 ? .paused : .running
            case .finalizing: .finalizing
            case .ending: .ending
            case .ended(let outcome): .ended(outcome)
            }
        return JobSnapshot(
            id: job.job.id, priority: job.job.priority, state: state, shards: job.shards.count,
            committedShards: job.shards.committedCount, storingShards: job.shards.storingCount,
            attempts: job.leaseCount, bisectedShards: job.bisections.count, conflicts: job.disputedShards.sorted(),
            openAudits: job.audits.waitingCount + job.audits.sessions.count, speculatedShards: job.speculated.count,
            samplesDone: job.committedSamples + (job.hasEnded ? 0 : samplesInHand(j)),
            samplesTotal: job.job.plan.specification.sampleCount, skippedSamples: job.skipped.sorted(),
            resets: job.resets, medianShardTime: job.durations.median, readyWorkers: ready)
    }

    private func snapshot(of id: SessionID, now: Duration) -> WorkerSnapshot? {
        guard let session = sessions[id] else { return nil }
        return WorkerSnapshot(
            session: id, device: session.device, process: session.process, build: session.build,
            instructionSet: session.instructionSet, state: state(of: session, now: now),
            attempt: session.assignment?.reference, samples: session.assignment?.samples ?? 0,
            attemptAge: session.assignment.map { now - $0.since }, silence: now - session.lastHeard,
            residentBytes: session.residentBytes, committedShards: session.committedCount,
            failuresInARow: session.failuresInARow, loadedModel: session.loadedModel)
    }

    private func state(of session: WorkerSession, now: Duration) -> WorkerSnapshot.State {
        if session.isDraining { return .draining }
        switch session.assignment?.purpose {
        case .counting: return .computing
        case .speculation: return .speculating
        case .audit, .arbitration: return .auditing
        case .trial(let part): return .trying(samples: part)
        case nil: return session.restsUntil.map { now < $0 } ?? false ? .resting : .idle
        }
    }

    /// Some shards of a job that has not ended; indices beyond its shards are left out.
    public func shards(ofJob id: UInt64, _ range: Range<Int>) -> [ShardSnapshot] {
        guard let j = jobPositions[id] else { return [] }
        let shards = jobs[j].shards
        return range.clamped(to: 0..<shards.count).map { shard in
            let holder = shards.holders[shard].flatMap { sessions[$0]?.device }
            let state: ShardSnapshot.State =
                switch shards.states[shard] {
                case .pending: .pending
                case .leased: .leased
                case .storing: .storing
                case .committed: .committed
                case .held: .held
                }
            return ShardSnapshot(
                index: shard, state: state, samples: jobs[j].job.plan.shard(shard).samples,
                device: shards.devices[shard] ?? holder, digest: shards.digests[shard],
                failures: shards.troubles[shard]?.failedSessions.count ?? 0,
                losses: shards.troubles[shard]?.losses.count ?? 0)
        }
    }
}
