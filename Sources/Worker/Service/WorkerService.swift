internal import Foundation
internal import Glibc
internal import Synchronization
public import Wire
public import WorkerCore

/// A worker in this process: joins a coordinator and computes shards until there are no more.
public final class WorkerService: Sendable {
    private let configuration: WorkerServiceConfiguration
    private let control: Mailbox<ControlClient.Command>

    /// Makes a worker that does not run yet.
    ///
    /// - Throws: `WorkerServiceError` when the process has no file descriptors left.
    public init(configuration: WorkerServiceConfiguration) throws {
        self.configuration = configuration
        control = try Mailbox()
    }

    /// Lets the worker hand in its shard and leave, from any thread.
    public func drain() {
        control.post(.event(.drainRequested))
    }

    /// Works until the coordinator has no more work, or the worker has to leave; cancelling the task drains it.
    ///
    /// - Returns: Why it left.
    /// - Throws: `WorkerServiceError` when it could not work.
    public func run() async throws -> WorkerExit {
        let endpoint = try Endpoint(configuration.coordinator)
        var generator = SystemRandomNumberGenerator()
        let session = SessionID.random(using: &generator)
        let (cache, shared) = try openCache()
        defer { leave(shared) }
        let interrupt = try Interrupt()
        let compute = try Mailbox<ComputeThread.Command>()
        let computeThread = ServiceThread(name: "tare-compute") { [configuration, control] in
            ComputeThread(
                configuration: configuration, session: session, control: endpoint, cache: cache, interrupt: interrupt,
                report: { event in control.post(.event(event)) }
            ).run(compute)
        }
        let result = Mutex<Result<WorkerExit?, any Error>>(.success(nil))
        let controlThread = ServiceThread(name: "tare-control") { [configuration, control] in
            let ending = Result {
                try Self.runControl(
                    configuration, endpoint, session: session, mailbox: control, compute: compute, interrupt: interrupt)
            }
            result.withLock { $0 = ending }
        }
        await withTaskCancellationHandler {
            await controlThread.ended()
        } onCancel: {
            drain()
        }
        interrupt.stop()
        compute.post(.stop)
        guard let exit = try result.withLock({ try $0.get() }) else {
            // The process is about to end; a computation under way need not be waited for.
            throw WorkerServiceError.parentEnded
        }
        await computeThread.ended()
        switch exit {
        case .done, .drained: return exit
        case .rejected(_, let text): throw WorkerServiceError.rejected(text: text)
        case .unreachable:
            throw WorkerServiceError.unreachable(endpoint: endpoint.text, wait: configuration.joinTimeout)
        case .coordinatorLost:
            throw WorkerServiceError.coordinatorLost(endpoint: endpoint.text, wait: configuration.coordinatorTimeout)
        }
    }

    /// The cache, and its folder when that is to be removed at the end.
    private func openCache() throws(WorkerServiceError) -> (NodeCache, SharedCacheFolder?) {
        do {
            if let directory = configuration.cacheDirectory { return (try NodeCache(directory: directory), nil) }
            let folder = try SharedCacheFolder()
            return (try NodeCache(directory: folder.url), folder)
        } catch let error as ShardComputationError {
            throw .cache(text: error.text)
        } catch {
            throw .cache(text: "\(error)")
        }
    }

    private func leave(_ folder: SharedCacheFolder?) {
        do {
            try folder?.leave()
        } catch {
            configuration.log("The cache folder stays behind: \(error)")
        }
    }

    /// Runs the control socket on the calling thread.
    ///
    /// - Returns: Why the worker leaves, or `nil` when its parent ended.
    private static func runControl(
        _ configuration: WorkerServiceConfiguration, _ endpoint: Endpoint, session: SessionID,
        mailbox: Mailbox<ControlClient.Command>, compute: Mailbox<ComputeThread.Command>, interrupt: Interrupt
    ) throws -> WorkerExit? {
        let hello = Hello(
            build: configuration.build, node: configuration.node, process: Int(getpid()),
            localRank: configuration.localRank, instructionSet: configuration.instructionSet)
        var core = WorkerConfiguration(hello: hello, session: session)
        core.joinTimeout = configuration.joinTimeout
        core.coordinatorTimeout = configuration.coordinatorTimeout
        core.drainGrace = configuration.drainGrace
        core.lifetime = configuration.lifetime
        core.memoryLimit = configuration.memoryLimit
        let client = ControlClient(
            core: WorkerCore(configuration: core),
            judge: HandshakeJudge(endpoint: endpoint, security: configuration.security), compute: compute,
            interrupt: interrupt, log: configuration.log)
        let socket = try ZeroMQSocket(.dealer, .control, security: configuration.security)
        try socket.monitorHandshakes()
        try socket.connect(endpoint)
        try socket.setLinger(milliseconds: 250)
        let loop = SocketLoop<ControlClient>(socket: socket, mailbox: mailbox, isRouter: false)
        client.send = { packet in try loop.send(packet) }
        client.start()
        let parentEnded = try loop.run(client, lifeline: configuration.endsWithParent ? STDIN_FILENO : nil)
        if let refusal = client.refusal { throw WorkerServiceError.refused(refusal) }
        return parentEnded ? nil : client.exit
    }
}

/// Why a worker could not work.
public enum WorkerServiceError: Error, Sendable, Hashable {
    /// No coordinator answered.
    case unreachable(endpoint: String, wait: Duration)
    /// The coordinator was there and is not any more.
    case coordinatorLost(endpoint: String, wait: Duration)
    /// The coordinator turned the worker away.
    case rejected(text: String)
    /// The coordinator does not let the worker connect.
    case refused(ServerRefusal)
    /// The process that started the worker ended.
    case parentEnded
    /// The folder for downloads cannot be used.
    case cache(text: String)
}

extension WorkerServiceError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .unreachable(let endpoint, let wait):
            "No coordinator answered at \(endpoint) for \(wait.components.seconds) s; start it, or check the address"
        case .coordinatorLost(let endpoint, let wait):
            "The coordinator at \(endpoint) has said nothing for \(wait.components.seconds) s; the worker gives up"
        case .rejected(let text), .cache(let text): text
        case .refused(let refusal): refusal.description
        case .parentEnded: "The process that started this worker has ended"
        }
    }
}
