internal import CoordinatorCore
internal import Wire

/// Runs the coordinator's core on the control thread.
final class ControlServer: SocketServer {
    enum Command: Sendable {
        /// Something happened to the core.
        case event(CoordinatorEvent)
        /// Look at the core.
        case inspect(@Sendable (CoordinatorCore, Duration) -> Void)
        /// A piece of an answer for a client.
        case answer(ClientAnswer, session: SessionID, peer: PeerAddress)
        /// These sessions' keys were revoked.
        case revoked([SessionAdmission.EndedSession])
        /// Leave when every worker has left, or after a grace time.
        case close(grace: Duration)
    }

    /// Who carries out what the core wants.
    struct Effects {
        var store: (StoreRequest) -> Void
        var record: (Decision) -> Void
        var finalize: (_ job: UInt64, _ conflicts: [Int]) -> Void
        var ended: (_ job: UInt64, JobOutcome) -> Void
        /// A client's request; answered with `Command.answer`.
        var client: (ClientRequest, _ mayChange: Bool, SessionID, PeerAddress) -> Void
    }

    private var core: CoordinatorCore
    private var sequence: UInt64 = 0
    private var closeAt: Duration?
    private var lastNotice: Duration = .zero
    private var lastProgress: CoordinatorProgress?
    /// The job whose progress is shown as it comes; `nil` for none.
    private let shownJob: UInt64?
    private let notify: @Sendable (ClusterNotice) -> Void
    private let effects: Effects
    let access: ClusterAccess
    /// Sends a packet; set before the loop runs.
    var send: (Packet, PeerAddress) throws -> Void = { _, _ in }

    init(
        core: CoordinatorCore, access: ClusterAccess, shownJob: UInt64? = nil,
        notify: @escaping @Sendable (ClusterNotice) -> Void,
        effects: Effects
    ) {
        self.core = core
        self.access = access
        self.shownJob = shownJob
        self.notify = notify
        self.effects = effects
    }

    var deadline: Duration? {
        [core.nextDeadline, closeAt].compactMap { $0 }.min()
    }

    var isFinished: Bool {
        guard let closeAt else { return false }
        return core.hasNoWorkers || MonotonicClock.now >= closeAt
    }

    func received(_ packet: Packet, from peer: PeerAddress?) {
        guard let peer else { return }
        let envelope = packet.envelope
        do {
            try access.admission.admit(
                envelope.session, from: peer, needing: envelope.message.kind.neededRoles, isControl: true)
        } catch {
            notify(.rejectedFrame(error.refusal, text: error.description))
            refuse(error, envelope.session, peer)
            return
        }
        if case .clientRequest(let request) = envelope.message {
            effects.client(request, mayChange(envelope.session, from: peer), envelope.session, peer)
            return
        }
        step(.received(envelope, from: peer))
        if case .goodbye = envelope.message { access.admission.end(envelope.session) }
    }

    /// Whether the key behind a session may submit and cancel.
    private func mayChange(_ session: SessionID, from peer: PeerAddress) -> Bool {
        do {
            try access.admission.admit(session, from: peer, needing: [.submitter], isControl: true)
            return true
        } catch {
            return false
        }
    }

    /// Tells a peer that it may not talk; one that may later is told when to try again.
    private func refuse(_ refusal: AdmissionRefusal, _ session: SessionID, _ peer: PeerAddress) {
        let message = Message.reject(
            code: refusal.isTemporary ? .full : .notAllowed, text: WireLimits.cut(refusal.description),
            retryAfter: refusal.isTemporary ? .seconds(10) : nil)
        transmit(message, session, peer)
    }

    /// Ends sessions whose keys were revoked: what they hold goes to others, without blame.
    private func end(_ sessions: [SessionAdmission.EndedSession]) {
        for ended in sessions {
            step(.sessionRevoked(ended.session, text: ended.reason.description))
            if let peer = ended.peer { refuse(ended.reason, ended.session, peer) }
        }
    }

    func rejected(_ error: WireError, from peer: PeerAddress?) {
        notify(.rejectedFrame(error.refusal, text: error.description))
    }

    func handle(_ command: Command) {
        switch command {
        case .event(let event): step(event)
        case .inspect(let body): body(core, MonotonicClock.now)
        case .answer(let answer, let session, let peer): transmit(.clientAnswer(answer), session, peer)
        case .revoked(let sessions): end(sessions)
        case .close(let grace): closeAt = MonotonicClock.now + grace
        }
    }

    func deadlineReached() {
        step(.deadline)
    }

    private func transmit(_ message: Message, _ session: SessionID, _ peer: PeerAddress) {
        sequence += 1
        do {
            try send(Packet(Envelope(session: session, sequence: sequence, message: message)), peer)
        } catch {
            notify(.rejectedFrame(.unsent, text: "A message could not be sent: \(error)"))
        }
    }

    private func step(_ event: CoordinatorEvent) {
        let now = MonotonicClock.now
        for effect in core.step(event, now: now) {
            switch effect {
            case .send(let message, let session, let peer): transmit(message, session, peer)
            case .store(let request): effects.store(request)
            case .record(let decision): effects.record(decision)
            case .finalize(let job, let conflicts): effects.finalize(job, conflicts)
            case .report(let occurrence): notify(.occurrence(occurrence))
            case .ended(let job, let outcome):
                showProgress(now: now, mustShow: true)
                effects.ended(job, outcome)
            }
        }
        showProgress(now: now, mustShow: false)
    }

    private func showProgress(now: Duration, mustShow: Bool) {
        guard let shownJob, let progress = core.progress(ofJob: shownJob), progress != lastProgress else { return }
        if mustShow || progress.shardsDone != lastProgress?.shardsDone || now >= lastNotice + .milliseconds(100) {
            lastProgress = progress
            lastNotice = now
            notify(.progress(progress))
        }
    }
}

extension Message.Kind {
    /// What it takes to say it: any of these roles.
    var neededRoles: [PeerRole] {
        switch self {
        case .clientRequest: [.viewer]
        // Clients fetch results as workers fetch models: by a digest that they were told.
        case .get: [.worker, .viewer]
        default: [.worker]
        }
    }
}
