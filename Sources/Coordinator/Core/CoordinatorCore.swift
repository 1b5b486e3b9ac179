internal import Calibration
internal import Wire

/// The coordinator's decisions: a value that turns events into effects, without sockets, clocks or threads.
///
/// Each shard of a job is computed at least once and counted exactly once: the first commit that reaches the store wins.
/// Nothing that reveals a decision is sent before the store has it. Time is a duration since any fixed moment and never
/// goes back; it need not be that of the coordinator before this one.
///
/// The service around it answers each `store`, `record` and `finalize` effect once, and sends `deadline` when
/// `nextDeadline` has come. See `CoordinatorEvent` and `CoordinatorEffect`.
public struct CoordinatorCore: Sendable {
    /// A decision that is not recorded yet.
    struct PendingRecord: Sendable {
        let decision: Decision
        /// When to ask again; `nil` while the store has it.
        var againAt: Duration?
    }

    /// A device that is to be quarantined as soon as no commit of the jobs it was part of is under way.
    struct Condemnation: Sendable {
        let device: Device
        let text: String
        /// Positions of the jobs that start over.
        let jobs: [Int]
        var isSent = false
    }

    let configuration: CoordinatorConfiguration
    /// All jobs in the order of submission.
    var jobs: [JobState] = []
    /// Looked up by id, never iterated.
    var jobPositions: [UInt64: Int] = [:]
    /// Positions of the jobs that are running, in order.
    var running: [Int] = []
    /// Looked up by id, never iterated.
    var sessions: [SessionID: WorkerSession] = [:]
    /// The sessions in the order they joined.
    var sessionOrder: [SessionID] = []
    /// The nodes of all workers that ever joined; only asked for members and for their number.
    var nodesSeen: Set<String> = []
    var pendingRecords: [PendingRecord] = []
    var condemnations: [Condemnation] = []
    /// Devices that are quarantined, durably.
    var quarantined: [Device] = []
    /// The model that workers are told of: that of the job that was completed last.
    var announced: (model: JobModel, job: UInt64)?
    /// Until when open shards of recovered jobs are not handed out.
    var graceEnds: Duration?
    var storeRefuses = false
    var effects: [CoordinatorEffect] = []
    /// A lower bound of the next deadline; activity only moves deadlines back.
    var checkAt: Duration?
    /// What happened lately, oldest first.
    var log = EventLog()
    var tallies = CoordinatorTallies()

    /// Makes a coordinator without jobs and workers.
    public init(configuration: CoordinatorConfiguration) {
        self.configuration = configuration
    }

    /// When to send `deadline` next; `nil` while nothing can expire.
    public var nextDeadline: Duration? { checkAt }

    /// Whether the coordinator can do its work: the store takes what is decided, and the workers are not all to leave.
    public var isReady: Bool { !storeRefuses }

    /// Takes in an event.
    ///
    /// - Parameters:
    ///   - event: What happened.
    ///   - now: When, not before any earlier event.
    /// - Returns: What to do, in order.
    public mutating func step(_ event: CoordinatorEvent, now: Duration) -> [CoordinatorEffect] {
        effects = []
        switch event {
        case .recovered(let state): recover(state, now: now)
        case .received(let envelope, let peer): receive(envelope, from: peer, now: now)
        case .submitted(let job): submit(job, now: now)
        case .aborted(let job, let failure): abort(job, failure)
        case .stored(let request): stored(request, now: now)
        case .storeFailed(let request, let failure): storeFailed(request, failure, now: now)
        case .recorded(let decision): recorded(decision, now: now)
        case .recordFailed(let decision, let text): recordFailed(decision, text, now: now)
        case .finalized(let job, let result): finalized(job, result, now: now)
        case .roundOpened(let job, let shards, let input): openRound(job, shards: shards, input: input, now: now)
        case .workerExited(let node, let process, let text): workerExited(node: node, process: process, text, now: now)
        case .sessionRevoked(let session, let text): remove(session, text: text, blamesShard: false, now: now)
        case .drainRequested(let selection): drain(selection)
        case .deadline: checkDeadlines(now: now)
        }
        defer { effects = [] }
        for effect in effects {
            if case .report(let occurrence) = effect { log.add(occurrence, at: now) }
        }
        return effects
    }

    private mutating func receive(_ envelope: Envelope, from peer: PeerAddress, now: Duration) {
        let id = envelope.session
        switch envelope.message {
        case .hello(let hello):
            welcome(hello, id: id, from: peer, now: now)
            return
        case .clientRequest, .clientAnswer: return  // The service answers clients.
        default: break
        }
        guard let device = sessions[id]?.device else {
            switch envelope.message {
            case .goodbye, .error: return
            default: send(.unknown, session: id, to: peer)
            }
            return
        }
        sessions[id]?.peer = peer
        sessions[id]?.lastHeard = now
        if isCondemned(device) {
            // What it says is not trusted, and why is not said before it is recorded.
            if case .leaseRequest = envelope.message { send(.wait(retryAfter: configuration.waitInterval), to: id) }
            return
        }
        switch envelope.message {
        case .leaseRequest: leaseRequested(by: id, now: now)
        case .heartbeat(let progress, let residentBytes):
            sessions[id]?.residentBytes = residentBytes
            heartbeat(progress, from: id, now: now)
        case .commit(let commit): committed(commit, by: id, now: now)
        case .fail(let failure): shardFailed(failure, by: id, now: now)
        case .modelLoaded(let job, let digest, let failure): modelLoaded(job, digest, failure, by: id)
        case .goodbye(let text): remove(id, text: text, blamesShard: false, now: now)
        case .error: break
        default:
            send(
                .error(
                    text: WireError.misplaced(envelope.message.kind).description, aboutSequence: envelope.sequence),
                to: id)
        }
    }

    private mutating func drain(_ selection: WorkerSelection) {
        for id in sessionOrder {
            guard let device = sessions[id]?.device else { continue }
            if case .node(let node, let rank) = selection,
                device.node != node || (rank ?? device.localRank) != device.localRank
            {
                continue
            }
            sessions[id]?.isDraining = true
            sessions[id]?.isWaiting = false
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
