import ControlAPI
import CoordinatorCore
import CoordinatorHTTP
import CoordinatorService
import Dispatch

/// What HTTP shows of a daemon.
struct DaemonProvider: ClusterProvider {
    let desk: ControlDesk
    let metrics: ClusterMetrics?

    /// Requests wait for the control thread or a disk, which no thread of Swift's own pool may do.
    private static let queue = DispatchQueue(label: "tare.http", attributes: .concurrent)

    private func blocking<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Self.queue.async { continuation.resume(returning: work()) }
        }
    }

    func isAlive() async -> Bool {
        await blocking { desk.isAlive() }
    }

    func readiness() async -> Readiness {
        await blocking {
            do throws(ControlError) {
                let reasons = try desk.reasonsNotToBeReady()
                return reasons.isEmpty ? .ready : .notReady(reasons)
            } catch {
                return .notReady([error.error])
            }
        }
    }

    func answer(_ request: ControlRequest) async throws(ControlError) -> [UInt8] {
        let result: Result<[UInt8], ControlError> = await blocking {
            do throws(ControlError) {
                return .success(try desk.answer(request))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    func refreshMetrics() async {
        if let snapshot = await blocking({ try? desk.gauges() }) { metrics?.update(snapshot) }
    }
}

extension ControlDesk {
    /// The state of the cluster as gauges.
    fileprivate func gauges() throws -> ClusterSnapshot {
        let cluster = try Documents.decode(ClusterDocument.self, from: answer(.cluster))
        let jobs = try Documents.decode(
            PageDocument<JobDocument>.self, from: answer(.jobs(Page(limit: ControlLimits.pageEntries))))
        let workers = try Documents.decode(
            PageDocument<WorkerDocument>.self, from: answer(.workers(Page(limit: ControlLimits.pageEntries))))
        var snapshot = ClusterSnapshot()
        snapshot.epoch = cluster.epoch
        snapshot.stateFreeBytes = cluster.freeBytes
        snapshot.quarantinedDevices = cluster.quarantinedDevices.count
        for job in jobs.items { snapshot.jobs[job.state, default: 0] += 1 }
        for worker in workers.items { snapshot.workers[worker.state, default: 0] += 1 }
        for job in jobs.items where job.ended == nil {
            snapshot.shards[.committed, default: 0] += job.shardsDone
            snapshot.shards[.pending, default: 0] += job.shardsTotal - job.shardsDone
        }
        return snapshot
    }
}

extension ClusterMetrics {
    /// Counts what a daemon tells.
    func note(_ notice: ClusterNotice) {
        switch notice {
        case .occurrence(.workerJoined): sessionOpened()
        case .occurrence(.shardCommitted):
            committed(result: .accepted)
            attemptEnded(.finished)
        case .occurrence(.shardReturned): attemptEnded(.lost)
        case .occurrence(.shardSpeculated): speculated()
        case .occurrence(.conflict):
            committed(result: .conflict)
            compared(.different)
        case .occurrence(.sampleSkipped): samplePoisoned()
        case .rejectedFrame: frameRejected(reason: .malformed)
        default: break
        }
    }
}
