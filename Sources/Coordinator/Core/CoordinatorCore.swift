internal import Calibration
internal import Wire

/// The coordinator's decisions: a value that turns events into effects, without sockets, clocks or threads.
///
/// Each shard of the job is computed at least once and counted exactly once: the first commit that reaches the store wins,
/// and nothing that reveals a decision is sent before the store has it. Time is a duration since any fixed moment and
/// never goes back.
public struct CoordinatorCore: Sendable {
    enum JobState: Sendable, Hashable {
        case absent
        case running
        case completed
        case failed(JobFailure)
    }

    let configuration: CoordinatorConfiguration
    var job: CoordinatorJob?
    var jobState = JobState.absent
    var shards = ShardTable(count: 0)
    /// Looked up by id, never iterated.
    var sessions: [SessionID: WorkerSession] = [:]
    /// The sessions in the order they joined.
    var sessionOrder: [SessionID] = []
    /// Seconds that the latest shards took, at most 101 of them.
    var recentDurations: [Duration] = []
    var isDraining = false
    var effects: [CoordinatorEffect] = []
    /// A lower bound of the next deadline; activity only moves deadlines back.
    var checkAt: Duration?

    /// Makes a coordinator without job and workers.
    public init(configuration: CoordinatorConfiguration) {
        self.configuration = configuration
    }

    /// When to send `deadline` next; `nil` while nothing can expire.
    public var nextDeadline: Duration? { checkAt }

    /// Takes in an event.
    ///
    /// - Parameters:
    ///   - event: What happened.
    ///   - now: When, not before any earlier event.
    /// - Returns: What to do, in order.
    public mutating func step(_ event: CoordinatorEvent, now: Duration) -> [CoordinatorEffect] {
        effects = []
        switch event {
        case .received(let envelope, let peer): receive(envelope, from: peer, now: now)
        case .submitted(let job): submit(job, now: now)
        case .aborted(let failure): fail(failure)
        case .stored(let request): stored(request, now: now)
        case .storeFailed(let request, let failure): storeFailed(request, failure, now: now)
        case .workerExited(let node, let process, let text): workerExited(node: node, process: process, text, now: now)
        case .drainRequested: drainAll()
        case .deadline: checkDeadlines(now: now)
        }
        defer { effects = [] }
        return effects
    }

    private mutating func receive(_ envelope: Envelope, from peer: PeerAddress, now: Duration) {
        let id = envelope.session
        if case .hello(let hello) = envelope.message {
            welcome(hello, id: id, from: peer, now: now)
            return
        }
        guard var session = sessions[id] else {
            switch envelope.message {
            case .goodbye, .error: return
            default: send(.unknown, session: id, to: peer)
            }
            return
        }
        session.peer = peer
        session.lastHeard = now
        sessions[id] = session
        switch envelope.message {
        case .leaseRequest: leaseRequested(by: id, now: now)
        case .heartbeat(let progress, _): heartbeat(progress, from: id, now: now)
        case .commit(let commit): committed(commit, by: id)
        case .fail(let failure): shardFailed(failure, by: id, now: now)
        case .goodbye(let text): remove(id, text: text, blamesShard: false, now: now)
        case .error: break
        default:
            send(
                .error(
                    text: WireError.misplaced(envelope.message.kind).description, aboutSequence: envelope.sequence),
                to: id)
        }
    }

    private mutating func submit(_ job: CoordinatorJob, now: Duration) {
        precondition(self.job == nil, "A coordinator in this form takes one job")
        self.job = job
        jobState = .running
        shards = ShardTable(count: job.plan.shardCount)
        for id in sessionOrder {
            if let session = sessions[id], let text = refusal(session.instructionSet) {
                send(.reject(code: .instructionSet, text: text, retryAfter: nil), to: id)
                report(.workerRejected(node: session.node, process: session.process, text: text))
                remove(id, text: text, blamesShard: false, now: now)
            }
        }
        serveWaiting(now: now)
    }

    /// Ends the job without a result and tells every worker.
    mutating func fail(_ failure: JobFailure) {
        guard jobState == .running || jobState == .absent else { return }
        jobState = .failed(failure)
        for id in sessionOrder {
            sessions[id]?.shard = nil
        }
        for shard in 0..<shards.count {
            switch shards.states[shard] {
            case .leased: shards.release(shard)
            case .storing: shards.dropHolder(shard)
            case .pending, .committed: break
            }
        }
        effects.append(.failed(failure))
        broadcastDone()
    }

    private mutating func drainAll() {
        isDraining = true
        for id in sessionOrder {
            sessions[id]?.isDraining = true
            send(.drain, to: id)
        }
    }

    mutating func send(_ message: Message, to id: SessionID) {
        guard let session = sessions[id] else { return }
        send(message, session: id, to: session.peer)
    }

    mutating func send(_ message: Message, session: SessionID, to peer: PeerAddress) {
        effects.append(.send(message, session: session, to: peer))
    }

    mutating func report(_ occurrence: CoordinatorOccurrence) {
        effects.append(.report(occurrence))
    }

    mutating func expectDeadline(at time: Duration) {
        checkAt = checkAt.map { min($0, time) } ?? time
    }
}
