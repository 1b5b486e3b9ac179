internal import Calibration
internal import CoordinatorCore
internal import CoordinatorStore
internal import Dispatch
internal import Foundation
internal import Wire

/// The thread that makes things durable, so that no heartbeat waits for a disk.
///
/// Commits that wait together share a transaction. Models are converted on a queue of their own, so that commits of other jobs
/// do not wait for that.
final class StoreThread<Statistics: Sendable>: Sendable {
    enum Command: Sendable {
        /// A new job's commits will come.
        case begin(job: UInt64, shardCount: Int)
        case commit(StoreRequest)
        case record(Decision)
        case finalize(job: UInt64, conflicts: [Int])
        /// The conversion of a job's model ended.
        case converted(job: UInt64, Conversion)
        case stop
    }

    /// What the core is told.
    typealias Answer = @Sendable (CoordinatorEvent) -> Void

    private let mailbox: Mailbox<Command>
    private let thread: ServiceThread

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - state: The durable state.
    ///   - recovered: Jobs that go on.
    ///   - catalog: The jobs.
    ///   - uploads: The statistics that workers have uploaded.
    ///   - answer: Told what is durable.
    ///   - failed: Told why nothing can be made durable any more.
    ///   - notify: Told how long transactions take.
    /// - Throws: `ZeroMQError` when the system has no descriptors left.
    init(
        state: StateStore, recovered: [StoredJob], catalog: JobCatalog<Statistics>,
        uploads: UploadStore, answer: @escaping Answer, failed: @escaping @Sendable (String) -> Void,
        notify: @escaping @Sendable (ClusterNotice) -> Void
    ) throws {
        let mailbox = try Mailbox<Command>()
        self.mailbox = mailbox
        thread = ServiceThread(name: "tare-store") {
            let store = DurableStore(state: state, catalog: catalog, uploads: uploads, notify: notify)
            let loop = StoreLoop(store: store, catalog: catalog, mailbox: mailbox, answer: answer, failed: failed)
            do {
                for job in recovered { try store.open(job) }
            } catch {
                failed("the merged statistics of an unfinished job cannot be read: \(error)")
                return
            }
            loop.run()
        }
    }

    func post(_ command: Command) {
        mailbox.post(command)
    }

    /// Carries out what waits, then ends.
    func end() async {
        mailbox.post(.stop)
        await thread.ended()
    }
}

/// What the thread of `StoreThread` does.
private final class StoreLoop<Statistics: Sendable> {
    private let store: DurableStore<Statistics>
    private let catalog: JobCatalog<Statistics>
    private let mailbox: Mailbox<StoreThread<Statistics>.Command>
    private let answer: StoreThread<Statistics>.Answer
    private let failed: @Sendable (String) -> Void
    private let conversions = DispatchQueue(label: "tare.conversion", attributes: .concurrent)
    private var isStopped = false

    /// Commits in one transaction: enough to share the cost of making it durable, few enough to be answered soon.
    private static var commitsPerTransaction: Int { 64 }

    init(
        store: DurableStore<Statistics>, catalog: JobCatalog<Statistics>,
        mailbox: Mailbox<StoreThread<Statistics>.Command>, answer: @escaping StoreThread<Statistics>.Answer,
        failed: @escaping @Sendable (String) -> Void
    ) {
        self.store = store
        self.catalog = catalog
        self.mailbox = mailbox
        self.answer = answer
        self.failed = failed
    }

    func run() {
        while !isStopped {
            do {
                _ = try ZeroMQSocket.wait([], descriptors: [mailbox.descriptor], timeout: nil)
            } catch {
                failed("\(error)")
                return
            }
            var waiting: [StoreRequest] = []
            for command in mailbox.takeAll() {
                if case .commit(let request) = command {
                    waiting.append(request)
                    if waiting.count == Self.commitsPerTransaction { commit(&waiting) }
                } else {
                    // Decisions come after the commits that led to them.
                    commit(&waiting)
                    handle(command)
                }
            }
            commit(&waiting)
        }
    }

    private func commit(_ requests: inout [StoreRequest]) {
        guard !requests.isEmpty else { return }
        for (request, outcome) in zip(requests, store.commit(requests)) {
            switch outcome {
            case .stored: answer(.stored(request))
            case .failed(let failure): answer(.storeFailed(request, failure))
            case .broken(let failure):
                answer(.storeFailed(request, .later(text: failure.description)))
                failed(failure.description)
            }
        }
        requests = []
    }

    private func handle(_ command: StoreThread<Statistics>.Command) {
        switch command {
        case .commit: break
        case .begin(let job, let shardCount): store.begin(job, shardCount: shardCount)
        case .record(let decision):
            do {
                try store.record(decision)
                answer(.recorded(decision))
            } catch {
                answer(.recordFailed(decision, text: error.description))
                if !error.isTemporary { failed(error.description) }
            }
        case .finalize(let job, let conflicts): convert(job, conflicts: conflicts)
        case .converted(let job, let conversion): finish(job, conversion)
        case .stop: isStopped = true
        }
    }

    private func convert(_ id: UInt64, conflicts: [Int]) {
        guard let job = catalog.job(id) else {
            answer(.finalized(job: id, .failed(.conversion(text: "the job is not open"))))
            return
        }
        guard let statistics = store.statistics(of: id) else {
            answer(.finalized(job: id, .failed(.conversion(text: "every sample of the job was left out"))))
            return
        }
        let findings = JobFindings(conflicts: conflicts, skipped: store.skippedSamples(of: id))
        conversions.async { [mailbox] in
            let conversion: Conversion
            do {
                conversion = .done(try job.finish(statistics, findings))
            } catch let error as StateStoreError where error.isTemporary {
                conversion = .later(text: error.description)
            } catch {
                conversion =
                    Self.isShortOfDescriptors
                    ? .later(text: "\(error)") : .failed(.conversion(text: "\(error)"))
            }
            mailbox.post(.converted(job: id, conversion))
        }
    }

    /// Whether this process can open no file: then whatever failed says nothing about the job.
    private static var isShortOfDescriptors: Bool {
        FileHandle(forReadingAtPath: "/dev/null") == nil
    }

    private func finish(_ job: UInt64, _ conversion: Conversion) {
        switch conversion {
        case .failed(let failure): answer(.finalized(job: job, .failed(failure)))
        case .later(let text): answer(.finalized(job: job, .later(text: text)))
        case .done(let files):
            do {
                answer(.finalized(job: job, .completed(try store.finish(job, files: files))))
            } catch {
                answer(.finalized(job: job, .later(text: error.description)))
                if !error.isTemporary { failed(error.description) }
            }
        }
    }
}

/// What came of converting a job's model.
enum Conversion: Sendable {
    case done([ResultContent])
    case failed(JobFailure)
    /// The system has no room or no descriptors at the moment.
    case later(text: String)
}
