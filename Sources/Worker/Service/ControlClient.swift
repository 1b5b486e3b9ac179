internal import Wire
internal import WorkerCore

/// Runs the worker's core on the control thread.
final class ControlClient: SocketLoopHandler {
    enum Command: Sendable {
        case event(WorkerEvent)
    }

    private var core: WorkerCore
    private var sequence: UInt64 = 0
    private let compute: Mailbox<ComputeThread.Command>
    private let interrupt: Interrupt
    private let log: @Sendable (String) -> Void
    private var judge: HandshakeJudge
    /// Why the coordinator will never let this worker in.
    private(set) var refusal: ServerRefusal?
    /// Why the worker leaves.
    private(set) var exit: WorkerExit?
    /// Sends a packet; set before the loop runs.
    var send: (Packet) throws -> Void = { _ in }

    init(
        core: WorkerCore, judge: HandshakeJudge, compute: Mailbox<ComputeThread.Command>, interrupt: Interrupt,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.core = core
        self.judge = judge
        self.compute = compute
        self.interrupt = interrupt
        self.log = log
    }

    var deadline: Duration? { core.nextDeadline }
    var isFinished: Bool { exit != nil || refusal != nil }

    func start() {
        step(.started)
    }

    func received(_ packet: Packet, from peer: PeerAddress?) {
        step(.received(packet.envelope))
    }

    func rejected(_ error: WireError, from peer: PeerAddress?) {
        log("The coordinator sent something that is no message: \(error)")
    }

    func handshakeEnded(_ outcome: HandshakeOutcome) {
        do {
            refusal = try judge.note(outcome)
        } catch {
            log("It cannot be found out why the coordinator ends the connection: \(error)")
        }
    }

    func handle(_ command: Command) {
        switch command {
        case .event(let event): step(event)
        }
    }

    func deadlineReached() {
        step(.measured(residentBytes: ProcessMemory.residentBytes))
        step(.deadline)
    }

    private func step(_ event: WorkerEvent) {
        for effect in core.step(event, now: MonotonicClock.now) {
            switch effect {
            case .send(let message):
                sequence += 1
                do {
                    try send(Packet(Envelope(session: core.session, sequence: sequence, message: message)))
                } catch {
                    log("A message could not be sent: \(error)")
                }
            case .connectData(let endpoint, _): compute.post(.connect(endpoint: endpoint))
            case .compute(let lease): compute.post(.compute(lease))
            case .upload(let shard): compute.post(.upload(shard))
            case .abandon(let shard): interrupt.abandon(shard)
            case .loadModel(let model, _): compute.post(.load(model))
            case .stop(let exit): self.exit = exit
            }
        }
    }
}
