import ControlAPI
import CoordinatorCore
import CoordinatorHTTP
import CoordinatorService
import Synchronization
import Wire

/// Feeds the metrics of a daemon: what it tells at once, what the core counts when somebody asks, and what its workers do once a
/// second.
final class MetricsFeed: Sendable {
    private struct State {
        /// What was fed until now.
        var tallies = CoordinatorTallies()
        /// Whether a worker computed, in each of the last seconds.
        var activity: [String: [Bool]] = [:]
        /// Connections for which there was no descriptor.
        var refusedConnections = 0
    }

    /// Seconds over which the utilization of workers is averaged.
    private static let window = 60

    private let metrics: ClusterMetrics
    private let state = Mutex(State())

    init(metrics: ClusterMetrics) {
        self.metrics = metrics
    }

    /// Takes what a daemon tells; may be called from any thread.
    func note(_ notice: ClusterNotice) {
        switch notice {
        case .occurrence(.shardCommitted(_, _, _, let samples, let duration)):
            metrics.shardCounted(samples: samples, duration: duration)
        case .occurrence(.conflict): metrics.compared(.different)
        case .occurrence(.shardSpeculated): metrics.speculated()
        case .occurrence(.sampleSkipped): metrics.samplePoisoned()
        case .rejectedFrame(let reason, _):
            if let reason = FrameRejection(reason) { metrics.frameRejected(reason: reason) }
        case .refusedConnection: metrics.handshakeFailed(reason: .key)
        case .measured(let measurement): note(measurement)
        default: break
        }
    }

    private func note(_ measurement: ClusterMeasurement) {
        switch measurement {
        case .transaction(let duration): metrics.transactionEnded(duration: duration)
        case .commandWaited(let duration): metrics.commandWaited(duration)
        case .received(let payload, let bytes): metrics.transferred(.received, TransferKind(payload), bytes: bytes)
        case .sent(let payload, let bytes): metrics.transferred(.sent, TransferKind(payload), bytes: bytes)
        }
    }

    /// Looks at what the workers do; to be called once a second.
    func sample(_ snapshot: CoordinatorSnapshot) {
        state.withLock { state in
            var activity: [String: [Bool]] = [:]
            for worker in snapshot.workers {
                let name = "\(worker.device.node):\(worker.device.localRank)"
                activity[name] = (state.activity[name] ?? []).suffix(Self.window - 1) + [worker.attempt != nil]
            }
            state.activity = activity
        }
    }

    /// Connections that were closed since the last call for want of descriptors.
    func newlyRefusedConnections(total: Int) -> Int {
        let count = state.withLock { state in
            defer { state.refusedConnections = total }
            return total - state.refusedConnections
        }
        metrics.handshakeFailed(reason: .descriptors, count: count)
        return count
    }

    /// Brings counters and gauges up to date.
    ///
    /// - Throws: `ControlError` when the daemon does not answer.
    func refresh(from desk: ControlDesk) throws {
        let snapshot = try desk.snapshot()
        let utilization = state.withLock { state in
            add(snapshot.tallies, after: state.tallies)
            state.tallies = snapshot.tallies
            return state.activity.mapValues { seconds in Double(seconds.count { $0 }) / Double(max(seconds.count, 1)) }
        }
        var gauges = try desk.gauges(snapshot)
        gauges.deviceUtilization = utilization
        metrics.update(gauges)
    }

    private func add(_ tallies: CoordinatorTallies, after before: CoordinatorTallies) {
        for _ in before.sessions..<max(before.sessions, tallies.sessions) { metrics.sessionOpened() }
        metrics.attemptEnded(.finished, count: tallies.committed - before.committed)
        metrics.attemptEnded(.lost, count: tallies.returned - before.returned)
        for kind in tallies.failures.keys {
            let count = (tallies.failures[kind] ?? 0) - (before.failures[kind] ?? 0)
            metrics.attemptEnded(kind == .drained ? .drained : .failed, count: count)
        }
        for result in tallies.answers.keys {
            let count = (tallies.answers[result] ?? 0) - (before.answers[result] ?? 0)
            metrics.committed(result: CoordinatorHTTP.CommitResult(result), count: count)
        }
        metrics.leaseExpired(reason: .liveness, count: tallies.silences - before.silences)
        metrics.leaseExpired(reason: .progress, count: tallies.stalls - before.stalls)
        metrics.compared(.equal, count: tallies.agreements - before.agreements)
    }
}

extension ControlDesk {
    /// The state of the cluster as gauges.
    fileprivate func gauges(_ snapshot: CoordinatorSnapshot) throws -> ClusterSnapshot {
        let cluster = try Documents.decode(ClusterDocument.self, from: answer(.cluster))
        let jobs = try Documents.decode(
            PageDocument<JobDocument>.self, from: answer(.jobs(Page(limit: ControlLimits.pageEntries))))
        let workers = try Documents.decode(
            PageDocument<WorkerDocument>.self, from: answer(.workers(Page(limit: ControlLimits.pageEntries))))
        var gauges = ClusterSnapshot()
        gauges.epoch = cluster.epoch
        gauges.stateBytes = try stateBytes()
        gauges.stateFreeBytes = cluster.freeBytes
        gauges.quarantinedDevices = cluster.quarantinedDevices.count
        for job in jobs.items { gauges.jobs[job.state, default: 0] += 1 }
        for worker in workers.items { gauges.workers[worker.state, default: 0] += 1 }
        // Those of jobs that have ended are 0.
        for job in snapshot.jobs {
            let open = job.shards - job.committedShards - job.storingShards - job.bisectedShards
            let leased = min(job.attempts, open)
            gauges.shards[.committed, default: 0] += job.committedShards
            gauges.shards[.storing, default: 0] += job.storingShards
            gauges.shards[.held, default: 0] += job.bisectedShards
            gauges.shards[.leased, default: 0] += leased
            gauges.shards[.pending, default: 0] += open - leased
        }
        return gauges
    }
}

extension FrameRejection {
    fileprivate init?(_ refusal: MessageRefusal) {
        switch refusal {
        case .size: self = .size
        case .malformed: self = .malformed
        case .role: self = .role
        case .version: self = .version
        case .session: self = .session
        case .unsent: return nil
        }
    }
}

extension CoordinatorHTTP.CommitResult {
    fileprivate init(_ result: Wire.CommitResult) {
        switch result {
        case .accepted: self = .accepted
        case .duplicate: self = .duplicate
        case .conflict: self = .conflict
        case .retry, .missing: self = .retryLater
        case .rejected: self = .rejected
        }
    }
}

extension TransferKind {
    fileprivate init(_ payload: ClusterMeasurement.Payload) {
        switch payload {
        case .model: self = .model
        case .statistics: self = .statistics
        case .samples: self = .samples
        }
    }
}
