internal import Calibration
internal import ControlAPI
internal import CoordinatorCore
internal import CoordinatorStore
internal import Dispatch
internal import Synchronization
internal import Wire

/// Answers what clients and HTTP ask: reads snapshots of the core, takes jobs, and hands changes to the control thread.
final class RequestDesk<Factory: JobFactory>: Sendable {
    let state: StateStore
    let factory: Factory
    let catalog: JobCatalog<Factory.Statistics>
    let store: StoreThread<Factory.Statistics>
    let control: Mailbox<ControlServer.Command>
    let cluster: ClusterFacts
    /// One submission after the other: each may read a large data set.
    let submissions = DispatchQueue(label: "tare.submissions")

    /// How long the control thread may take to answer, before it counts as stuck.
    static var patience: DispatchTimeInterval { .seconds(2) }

    let notify: @Sendable (ClusterNotice) -> Void

    init(
        state: StateStore, factory: Factory, catalog: JobCatalog<Factory.Statistics>,
        store: StoreThread<Factory.Statistics>, control: Mailbox<ControlServer.Command>, cluster: ClusterFacts,
        notify: @escaping @Sendable (ClusterNotice) -> Void
    ) {
        self.state = state
        self.factory = factory
        self.catalog = catalog
        self.store = store
        self.control = control
        self.cluster = cluster
        self.notify = notify
    }

    /// Answers a request; may take as long as reading a data set, and must not be called on a thread of the service.
    ///
    /// - Returns: The answer's document as JSON.
    func answer(_ request: ControlRequest) throws(ControlError) -> [UInt8] {
        do {
            return try document(for: request)
        } catch let error as ControlError {
            throw error
        } catch let error as StateStoreError {
            throw ControlError(error.isTemporary ? .unavailable : .fault, error.description)
        } catch let error as DocumentError {
            throw ControlError(error)
        } catch {
            throw ControlError(.fault, "\(error)")
        }
    }

    /// Whether the control thread answers in time.
    var isAlive: Bool {
        (try? inspect { _, _ in true }) ?? false
    }

    private func document(for request: ControlRequest) throws -> [UInt8] {
        switch request {
        case .submit(let submission): return try submit(submission)
        case .cluster: return try Documents.encode(clusterDocument())
        case .jobs(let page): return try Documents.encode(jobs(page))
        case .status(let job): return try Documents.encode(jobDocument(job))
        case .result(let job): return try Documents.encode(resultDocument(job))
        case .cancel(let job, let reason): return try cancel(job, reason: reason)
        case .drain(let selector): return try drain(selector)
        case .workers(let page):
            let workers = try snapshot().workers
            return try Documents.encode(PageDocument(page, of: workers) { WorkerDocument($0) })
        case .shards(let job, let page): return try shards(of: job, page)
        case .layers(let job, let page): return try layers(of: job, page)
        case .events(let job, let page): return try events(of: job, page)
        }
    }
}
