import ControlAPI
import CoordinatorHTTP
import CoordinatorService
import Dispatch

/// What HTTP shows of a daemon.
struct DaemonProvider: ClusterProvider {
    let desk: ControlDesk
    let feed: MetricsFeed?

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

    /// Looks at what the workers do, for their utilization.
    func sample() async {
        guard let feed else { return }
        // A coordinator that does not answer is told of by /healthz.
        await blocking { if let snapshot = try? desk.snapshot() { feed.sample(snapshot) } }
    }

    func refreshMetrics() async {
        guard let feed else { return }
        _ = await blocking { try? feed.refresh(from: desk) }
    }
}
