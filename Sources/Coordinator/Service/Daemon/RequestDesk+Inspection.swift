internal import Calibration
internal import ControlAPI
internal import CoordinatorCore
internal import CoordinatorStore
internal import Dispatch
internal import Synchronization
internal import Wire

extension RequestDesk {
    /// A value that another thread sets.
    private final class Slot<Value: Sendable>: Sendable {
        private let content = Mutex<Value?>(nil)
        private let filled = DispatchSemaphore(value: 0)

        func fill(_ value: Value) {
            content.withLock { $0 = value }
            filled.signal()
        }

        func take(patience: DispatchTimeInterval) -> Value? {
            guard filled.wait(timeout: .now() + patience) == .success else { return nil }
            return content.withLock { $0 }
        }
    }

    /// What a closure finds in the core, on the control thread.
    func inspect<Value: Sendable>(
        _ body: @escaping @Sendable (CoordinatorCore, Duration) -> Value
    ) throws(ControlError) -> Value {
        let slot = Slot<Value>()
        let posted = MonotonicClock.now
        control.post(
            .inspect { [notify] core, now in
                notify(.measured(.commandWaited(now - posted)))
                slot.fill(body(core, now))
            })
        guard let value = slot.take(patience: Self.patience) else {
            throw ControlError(.unavailable, "The coordinator's control thread does not answer; try again")
        }
        return value
    }

    /// How everything is.
    func snapshot() throws(ControlError) -> CoordinatorSnapshot {
        try inspect { core, now in core.snapshot(now: now) }
    }

    /// Bytes of the files in the state directory.
    func stateBytes() throws(ControlError) -> Int {
        do {
            return try state.usedBytes()
        } catch {
            throw ControlError(.unavailable, error.description)
        }
    }

    /// Why the coordinator takes no work; empty when it does.
    func reasonsNotToBeReady() throws(ControlError) -> [String] {
        let snapshot = try snapshot()
        var reasons: [String] = []
        if snapshot.storeRefuses { reasons.append("the state directory takes nothing: it may be full") }
        do {
            try state.checkSpace()
        } catch {
            reasons.append(error.description)
        }
        return reasons
    }

    // MARK: Documents

    func clusterDocument() throws -> ClusterDocument {
        let snapshot = try snapshot()
        let reasons = try reasonsNotToBeReady()
        var document = ClusterDocument(
            build: cluster.build, protocol: Int(WireLimits.version),
            cluster: Identifier(high: state.cluster.high, low: state.cluster.low), epoch: state.epoch,
            isReady: reasons.isEmpty, started: cluster.started)
        document.reasons = reasons
        let jobs = try state.jobs()
        document.jobsOpen = jobs.count { !$0.state.isEnd }
        document.jobsEnded = jobs.count - document.jobsOpen
        document.workers = snapshot.workers.count
        document.workersBusy = snapshot.workers.count { $0.attempt != nil }
        document.shardsDone = jobs.reduce(0) { $0 + $1.committedCount }
        document.shardsTotal = jobs.reduce(0) { $0 + $1.shardCount }
        document.quarantinedDevices = snapshot.quarantined.map(\.description)
        document.freeBytes = try state.freeBytes()
        return document
    }

    func jobs(_ page: Page) throws -> PageDocument<JobDocument> {
        let live = try snapshot()
        return try PageDocument(page, of: try state.jobs()) { try document($0, live: live) }
    }

    func jobDocument(_ id: UInt64) throws -> JobDocument {
        try document(summary(id), live: snapshot())
    }

    func summary(_ id: UInt64) throws -> JobSummary {
        guard let summary = try state.job(id) else {
            throw ControlError(.unknown, "There is no job \(id); 'tare status' lists them")
        }
        return summary
    }

    private func document(_ summary: JobSummary, live: CoordinatorSnapshot) throws -> JobDocument {
        let submission = try state.submission(of: summary.job)
        let specification = try JobSpecification(canonicalBytes: submission.specification)
        var document = JobDocument(
            id: summary.job, name: summary.name, state: JobPhase(summary.state), priority: summary.priority,
            model: .init(name: specification.model[0].path, sha256: specification.modelDigest),
            submitted: Timestamp(seconds: summary.submitted / 1000))
        document.shardsTotal = summary.shardCount
        document.shardsDone = summary.committedCount
        document.samplesTotal = specification.sampleCount
        if let job = live.jobs.first(where: { $0.id == summary.job }) {
            document.samplesDone = job.samplesDone
            document.workers = live.workers.count { $0.attempt?.job == summary.job }
            document.workersReady = job.readyWorkers
            document.addRate(of: job, workers: live.workers)
        }
        if summary.state == .completed { document.samplesDone = specification.sampleCount }
        if let end = summary.end, summary.state != .completed {
            document.failure = .init(text: end.text, exitStatus: end.exitStatus)
        }
        document.ended = summary.ended.map { Timestamp(seconds: $0 / 1000) }
        document.poisonedSamples = try state.poisonedSamples(of: summary.job).map { sample in
            .init(sample: sample.sample, text: sample.reason)
        }
        document.conflicts = try conflicts(of: summary.job)
        let followUp = submission.request.followUpKey
        document.followUp = try state.job(submittedAs: StateIdentifier(high: followUp.high, low: followUp.low))
        document.results = try summary.results.map { result in
            ControlAPI.ResultFile(
                name: result.name, sha256: result.digest, bytes: try state.blobs.size(result.digest) ?? 0)
        }
        return document
    }

    /// Shards for which somebody computed other statistics than those that are counted.
    private func conflicts(of job: UInt64) throws -> [JobDocument.Conflict] {
        let witnesses = try state.witnesses(of: job)
        guard !witnesses.isEmpty else { return [] }
        return try state.shards(of: job).compactMap { shard in
            let others = witnesses.filter { $0.shard == shard.shard && $0.digest != shard.digest }.map(\.digest)
            return others.isEmpty ? nil : .init(shard: shard.shard, counted: shard.digest, others: others)
        }
    }

    func resultDocument(_ id: UInt64) throws -> ResultDocument {
        let summary = try summary(id)
        switch summary.state {
        case .completed: break
        case .running, .finalizing:
            throw ControlError(.notReady, "Job \(id) is not done yet; wait for it with 'tare status \(id) --watch'")
        case .failed, .cancelled: throw ControlError(.failed, summary.end?.text ?? "Job \(id) has no result")
        }
        return ResultDocument(
            job: id, name: summary.name, dataEndpoint: cluster.dataEndpoint,
            files: try summary.results.map { result in
                ControlAPI.ResultFile(
                    name: result.name, sha256: result.digest, bytes: try state.blobs.size(result.digest) ?? 0)
            })
    }

    func shards(of id: UInt64, _ page: Page) throws -> [UInt8] {
        let summary = try summary(id)
        let first = min(page.offset, summary.shardCount)
        let range = first..<min(first + page.limit, summary.shardCount)
        let specification = try JobSpecification(canonicalBytes: try state.submission(of: id).specification)
        let plan = try CalibrationPlan(specification)
        let items: [ShardDocument]
        if summary.state.isEnd {
            items = try state.shards(of: id).filter { range.contains($0.shard) }.map { ShardDocument($0, plan: plan) }
        } else {
            items = try inspect { core, _ in core.shards(ofJob: id, range) }.map { ShardDocument($0) }
        }
        return try Documents.encode(PageDocument(offset: first, total: summary.shardCount, items: items))
    }

    func events(of id: UInt64?, _ page: Page) throws -> [UInt8] {
        let (snapshot, now) = try inspect { core, now in (core.snapshot(now: now), now) }
        let events = cluster.eventDocuments(snapshot.events, now: now).filter { id == nil || $0.job == id }
        return try Documents.encode(PageDocument(page, of: events) { $0 })
    }
}
