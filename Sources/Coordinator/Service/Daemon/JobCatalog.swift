internal import Calibration
internal import Synchronization

/// The jobs that a coordinator has prepared, for its threads.
final class JobCatalog<Statistics: Sendable>: Sendable {
    private let jobs = Mutex<[UInt64: PreparedJob<Statistics>]>([:])

    /// A job; `nil` for one that has ended or never was.
    func job(_ id: UInt64) -> PreparedJob<Statistics>? {
        jobs.withLock { $0[id] }
    }

    func insert(_ job: PreparedJob<Statistics>, as id: UInt64) {
        jobs.withLock { $0[id] = job }
    }

    /// Lets go of a job's data.
    func remove(_ id: UInt64) {
        jobs.withLock { $0[id] = nil }
    }
}
