internal import CoordinatorCore
internal import Wire

/// Runs the coordinator's core on the control thread.
final class ControlServer: SocketServer {
    enum Command: Sendable {
        case submit(CoordinatorJob)
        case abort(JobFailure)
        case answered(StoreRequest, StoreAnswer)
        case workerExited(node: String, process: Int, text: String)
        case drain
        /// These sessions' keys were revoked.
        case revoked([SessionAdmission.EndedSession])
        /// Leave when every worker has left, or after a grace time.
        case close(grace: Duration)
    }

    private var core: CoordinatorCore
    private var sequence: UInt64 = 0
    private var closeAt: Duration?
    private var lastNotice: Duration = .zero
    private var lastProgress: CoordinatorProgress?
    let access: ClusterAccess
    private let notify: @Sendable (ClusterNotice) -> Void
    private let store: (StoreRequest) -> Void
    private let reset: () -> Void
    private let finalize: (_ conflicts: [Int]) -> Void
    private let ended: (JobOutcome) -> Void
    private let job: UInt64
    /// Sends a packet; set before the loop runs.
    var send: (Packet, PeerAddress) throws -> Void = { _, _ in }

    init(
        core: CoordinatorCore, job: UInt64, access: ClusterAccess, notify: @escaping @Sendable (ClusterNotice) -> Void,
        store: @escaping (StoreRequest) -> Void, reset: @escaping () -> Void,
        finalize: @escaping (_ conflicts: [Int]) -> Void, ended: @escaping (JobOutcome) -> Void
    ) {
        self.core = core
        self.job = job
        self.access = access
        self.reset = reset
        self.finalize = finalize
        self.notify = notify
        self.store = store
        self.ended = ended
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
                envelope.session, from: peer, needing: envelope.message.kind.neededRole, isControl: true)
        } catch {
            notify(.rejectedFrame(text: error.description))
            refuse(error, envelope.session, peer)
            return
        }
        step(.received(envelope, from: peer))
        if case .goodbye = envelope.message { access.admission.end(envelope.session) }
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
            guard let peer = ended.peer else { continue }
            step(.sessionRevoked(ended.session, text: ended.reason.description))
            refuse(ended.reason, ended.session, peer)
        }
    }

    func rejected(_ error: WireError, from peer: PeerAddress?) {
        notify(.rejectedFrame(text: error.description))
    }

    func handle(_ command: Command) {
        switch command {
        case .submit(let job): step(.submitted(job))
        case .abort(let failure): step(.aborted(job: job, failure))
        case .answered(let request, .stored): step(.stored(request))
        case .answered(let request, .failed(let failure)): step(.storeFailed(request, failure))
        case .answered(_, .broken(let failure)): step(.aborted(job: job, failure))
        case .workerExited(let node, let process, let text):
            step(.workerExited(node: node, process: process, text: text))
        case .drain: step(.drainRequested(.all))
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
            notify(.rejectedFrame(text: "A message could not be sent: \(error)"))
        }
    }

    private func step(_ event: CoordinatorEvent) {
        let now = MonotonicClock.now
        var events = [event]
        while !events.isEmpty {
            for effect in core.step(events.removeFirst(), now: now) {
                if let answer = carryOut(effect, now: now) { events.append(answer) }
            }
        }
        if core.committedShards(ofJob: job) != lastProgress?.shardsDone || now >= lastNotice + .milliseconds(100) {
            showProgress(now: now)
        }
    }

    /// Does what the core wants.
    ///
    /// - Returns: What comes of it at once.
    private func carryOut(_ effect: CoordinatorEffect, now: Duration) -> CoordinatorEvent? {
        switch effect {
        case .send(let message, let session, let peer): transmit(message, session, peer)
        case .store(let request): store(request)
        case .record(let decision):
            // Nothing outlives this process, so a decision need not be kept to be final.
            if case .quarantined(_, _, let resets) = decision, !resets.isEmpty { reset() }
            return .recorded(decision)
        case .finalize(_, let conflicts):
            showProgress(now: now)
            finalize(conflicts)
            return .finalized(job: job, .completed(nil))
        case .ended(_, let outcome): ended(outcome)
        case .report(let occurrence): notify(.occurrence(occurrence))
        }
        return nil
    }

    private func showProgress(now: Duration) {
        guard let progress = core.progress(ofJob: job), progress != lastProgress else { return }
        lastProgress = progress
        lastNotice = now
        notify(.progress(progress))
    }
}

extension Message.Kind {
    /// What it takes to say it.
    var neededRole: PeerRole { .worker }
}
