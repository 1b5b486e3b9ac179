internal import Calibration
public import Wire

/// A worker's decisions: a value that turns events into effects, without sockets, clocks or threads.
///
/// It computes one shard at a time and repeats what it has to say until it is answered, so a lost message costs time and
/// nothing else. A finished result is kept until the coordinator has spoken about it, whatever happens in between.
public struct WorkerCore: Sendable {
    enum Work: Sendable, Hashable {
        /// Wants a shard.
        case idle
        case computing(Lease, ShardProgress)
        /// Has a result that the coordinator has not spoken about.
        case finished(Lease, Commit)
        /// Has a failure that the coordinator has not heard of.
        case failed(ShardFailure)
        case stopped
    }

    let configuration: WorkerConfiguration
    private(set) var work = Work.idle
    private var isJoined = false
    private var wasEverJoined = false
    private var isDraining = false
    private var residentBytes = 0
    private var lastHeard: Duration = .zero
    private var heartbeatInterval: Duration = .seconds(5)
    private var nextHeartbeat: Duration?
    /// When to say again what was not answered.
    private var repeatAt: Duration?
    private var effects: [WorkerEffect] = []

    /// Makes a worker that has not said hello.
    public init(configuration: WorkerConfiguration) {
        self.configuration = configuration
    }

    /// When to send `deadline` next; `nil` before the start and after the stop.
    public var nextDeadline: Duration? {
        if case .stopped = work { return nil }
        let patience = lastHeard + (wasEverJoined ? configuration.coordinatorTimeout : configuration.joinTimeout)
        return [repeatAt, nextHeartbeat, patience].compactMap { $0 }.min()
    }

    /// Names this process towards the coordinator.
    public var session: SessionID { configuration.session }

    /// Whether the worker has left.
    public var isStopped: Bool { work == .stopped }

    /// Takes in an event.
    ///
    /// - Parameters:
    ///   - event: What happened.
    ///   - now: When, not before any earlier event.
    /// - Returns: What to do, in order.
    public mutating func step(_ event: WorkerEvent, now: Duration) -> [WorkerEffect] {
        if case .stopped = work { return [] }
        effects = []
        switch event {
        case .started:
            lastHeard = now
            speak(now: now)
        case .received(let envelope):
            guard envelope.session == configuration.session else { return [] }
            lastHeard = now
            receive(envelope.message, now: now)
        case .progressed(let progress):
            if case .computing(let lease, _) = work, lease.shard == progress.shard {
                work = .computing(lease, progress)
            }
        case .computed(let shard, let digest, let size, let samples):
            guard case .computing(let lease, _) = work, lease.shard == shard else { return [] }
            work = .finished(
                lease, Commit(shard: shard, epoch: lease.epoch, digest: digest, size: size, samples: samples))
            speak(now: now)
        case .failed(let failure):
            guard case .computing(let lease, _) = work, lease.shard == failure.shard else { return [] }
            work = .failed(failure)
            speak(now: now)
        case .drainRequested:
            drain(now: now)
        case .deadline: checkDeadlines(now: now)
        }
        defer { effects = [] }
        return effects
    }

    private mutating func receive(_ message: Message, now: Duration) {
        switch message {
        case .welcome(let welcome):
            isJoined = true
            wasEverJoined = true
            heartbeatInterval = welcome.heartbeatInterval
            nextHeartbeat = now + heartbeatInterval
            effects.append(.connectData(endpoint: welcome.dataEndpoint, chunkBytes: welcome.chunkBytes))
            speak(now: now)
        case .reject(let code, let text, let retryAfter):
            if let retryAfter {
                repeatAt = now + retryAfter
            } else {
                stop(.rejected(code, text: text))
            }
        case .unknown:
            // The result of the shard in hand, if any, is kept and offered again after the new welcome.
            isJoined = false
            nextHeartbeat = nil
            speak(now: now)
        case .lease(let lease):
            guard case .idle = work, isJoined, !isDraining else { return }
            work = .computing(lease, ShardProgress(shard: lease.shard, samples: 0, activity: 0))
            repeatAt = nil
            effects.append(.compute(lease))
        case .wait(let retryAfter):
            if case .idle = work { repeatAt = now + retryAfter }
        case .done(let reason, let text):
            if case .computing(let lease, _) = work { effects.append(.abandon(lease.shard)) }
            leave("the coordinator has no more work", .done(reason, text: text))
        case .heartbeatAck(let cancel, let drainRequested):
            if case .computing(let lease, _) = work, cancel.contains(lease.shard) {
                effects.append(.abandon(lease.shard))
                rest(now: now)
            }
            if drainRequested { drain(now: now) }
        case .commitAck(let shard, let result, let retryAfter, _): answered(shard, result, retryAfter, now: now)
        case .failAck(let shard):
            if case .failed(let failure) = work, failure.shard == shard { rest(now: now) }
        case .drain: drain(now: now)
        default: break  // A misplaced message changes nothing.
        }
    }

    private mutating func answered(
        _ shard: ShardReference, _ result: CommitResult, _ retryAfter: Duration?, now: Duration
    ) {
        guard case .finished(let lease, let commit) = work, commit.shard == shard else { return }
        switch result {
        case .accepted, .duplicate, .conflict, .rejected: rest(now: now)
        case .retry: repeatAt = now + (retryAfter ?? heartbeatInterval)
        case .missing:
            work = .computing(lease, ShardProgress(shard: shard, samples: commit.samples, activity: commit.size))
            repeatAt = nil
            effects.append(.upload(shard))
        }
    }

    /// Wants the next shard, or leaves when it was told to.
    private mutating func rest(now: Duration) {
        work = .idle
        if isDraining {
            leave("drained", .drained)
        } else {
            speak(now: now)
        }
    }

    private mutating func drain(now: Duration) {
        isDraining = true
        if case .idle = work { leave("drained", .drained) }
    }

    private mutating func leave(_ text: String, _ exit: WorkerExit) {
        effects.append(.send(.goodbye(text: text)))
        stop(exit)
    }

    private mutating func stop(_ exit: WorkerExit) {
        work = .stopped
        repeatAt = nil
        nextHeartbeat = nil
        effects.append(.stop(exit))
    }

    /// Says what the coordinator has to answer, and when to say it again.
    private mutating func speak(now: Duration) {
        guard isJoined else {
            var hello = configuration.hello
            hello.resume = resumable
            effects.append(.send(.hello(hello)))
            repeatAt = now + configuration.retryInterval
            return
        }
        repeatAt = now + configuration.retryInterval
        switch work {
        case .idle: effects.append(.send(.leaseRequest))
        case .finished(_, let commit): effects.append(.send(.commit(commit)))
        case .failed(let failure): effects.append(.send(.fail(failure)))
        case .computing, .stopped: repeatAt = nil
        }
    }

    private var resumable: [Hello.Resume] {
        switch work {
        case .computing(let lease, _): [.init(shard: lease.shard, isFinished: false)]
        case .finished(_, let commit): [.init(shard: commit.shard, isFinished: true)]
        case .idle, .failed, .stopped: []
        }
    }

    private mutating func checkDeadlines(now: Duration) {
        if now >= lastHeard + (wasEverJoined ? configuration.coordinatorTimeout : configuration.joinTimeout) {
            if case .computing(let lease, _) = work { effects.append(.abandon(lease.shard)) }
            stop(wasEverJoined ? .coordinatorLost : .unreachable)
            return
        }
        if let time = nextHeartbeat, now >= time {
            nextHeartbeat = now + heartbeatInterval
            var progress: [ShardProgress] = []
            if case .computing(_, let latest) = work { progress = [latest] }
            effects.append(.send(.heartbeat(progress: progress, residentBytes: residentBytes)))
        }
        if let time = repeatAt, now >= time { speak(now: now) }
    }

    /// Notes the process's memory for the next heartbeat, in bytes.
    public mutating func note(residentBytes: Int) {
        self.residentBytes = residentBytes
    }

    /// What is inconsistent, for tests; empty unless there is a bug.
    public func checkInvariants() -> [String] {
        var wrong: [String] = []
        if isJoined != (nextHeartbeat != nil), work != .stopped { wrong.append("joined and heartbeat differ") }
        if case .idle = work, repeatAt == nil { wrong.append("idle without a reminder") }
        if case .finished = work, repeatAt == nil { wrong.append("a result without a reminder") }
        if case .computing = work, repeatAt != nil, isJoined { wrong.append("computing with a reminder") }
        return wrong
    }
}
