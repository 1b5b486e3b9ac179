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

    /// How the worker leaves, once it is to.
    enum Leaving: Sendable, Hashable {
        /// When the shard in hand is handed in, however long that takes.
        case whenDone
        /// When the shard in hand is handed in, or given back at this time.
        case by(Duration)
        /// When the coordinator has heard that the shard is given back, or at this time.
        case atOnce(Duration)
    }

    let configuration: WorkerConfiguration
    var work = Work.idle
    var isJoined = false
    /// The coordinator that it joined last.
    var cluster: SessionID?
    var wasEverJoined = false
    var leaving: Leaving?
    var residentBytes = 0
    var lastHeard: Duration = .zero
    var heartbeatInterval: Duration = .seconds(5)
    var nextHeartbeat: Duration?
    /// When to say again what was not answered.
    var repeatAt: Duration?
    /// When the lifetime is over.
    var lifetimeEnds: Duration?
    /// The model that the coordinator wants loaded, the one that is being loaded, and what became of the last one.
    var wantedModel: (model: JobModel, job: UInt64)?
    var loadingModel: ContentDigest?
    var loadedModel: (digest: ContentDigest, failure: String?)?
    /// The latest attempts, answered or not: a lease that was long on its way must not be computed a second time.
    var latestAttempts: [ShardReference] = []
    var effects: [WorkerEffect] = []

    /// Makes a worker that has not said hello.
    public init(configuration: WorkerConfiguration) {
        self.configuration = configuration
    }

    /// When to send `deadline` next; `nil` before the start and after the stop.
    public var nextDeadline: Duration? {
        if case .stopped = work { return nil }
        return [repeatAt, nextHeartbeat, patienceEnds, lifetimeEnds, leavingEnds].compactMap { $0 }.min()
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
            lifetimeEnds = configuration.lifetime.map { now + $0 }
            speak(now: now)
        case .received(let envelope):
            guard envelope.session == configuration.session else { return [] }
            lastHeard = now
            receive(envelope.message, now: now)
        case .progressed(let progress):
            guard case .computing(let lease, let before) = work, lease.shard == progress.shard else { return [] }
            work = .computing(lease, progress)
            // A shard that ends the process within a heartbeat's time would never be blamed if nobody knew it had begun.
            if isJoined, before.samples == 0, before.activity == 0 { sendHeartbeat(now: now) }
        case .computed(let shard, let digest, let size, let samples):
            guard case .computing(let lease, _) = work, lease.shard == shard else { return [] }
            let commit = Commit(
                shard: shard, epoch: lease.epoch, digest: digest, size: size, samples: samples,
                isTrial: lease.purpose.isTrial)
            work = .finished(lease, commit)
            speak(now: now)
        case .failed(let failure):
            guard case .computing(let lease, _) = work, lease.shard == failure.shard else { return [] }
            work = .failed(failure)
            speak(now: now)
        case .modelLoaded(let digest, let failure): modelLoaded(digest, failure, now: now)
        case .measured(let bytes): measured(bytes, now: now)
        case .drainRequested:
            if leaving == nil || leaving == .whenDone {
                leaving = .by(now + configuration.drainGrace)
                leaveIfIdle()
            }
        case .stopRequested: giveBack(.drained, text: "told to end at once", now: now, waits: false)
        case .deadline: checkDeadlines(now: now)
        }
        defer { effects = [] }
        return effects
    }

    private mutating func receive(_ message: Message, now: Duration) {
        switch message {
        case .welcome(let welcome):
            if let cluster, cluster != welcome.cluster { forget() }
            cluster = welcome.cluster
            isJoined = true
            wasEverJoined = true
            heartbeatInterval = welcome.heartbeatInterval
            nextHeartbeat = now + heartbeatInterval
            effects.append(.connectData(endpoint: welcome.dataEndpoint, chunkBytes: welcome.chunkBytes))
            leaveIfIdle()
            if work != .stopped { speak(now: now) }
        case .reject(let code, let text, let retryAfter):
            if let retryAfter {
                repeatAt = now + retryAfter
            } else {
                if case .computing(let lease, _) = work { effects.append(.abandon(lease.shard)) }
                stop(.rejected(code, text: text))
            }
        case .unknown:
            // The result of the shard in hand, if any, is kept and offered again after the new welcome.
            isJoined = false
            nextHeartbeat = nil
            speak(now: now)
        case .lease(let lease):
            guard case .idle = work, isJoined, leaving == nil, !latestAttempts.contains(lease.shard) else { return }
            latestAttempts = latestAttempts.suffix(15) + [lease.shard]
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
            if drainRequested { drain() }
        case .commitAck(let shard, let result, let retryAfter, _): answered(shard, result, retryAfter, now: now)
        case .failAck(let shard):
            if case .failed(let failure) = work, failure.shard == shard { rest(now: now) }
        case .modelReady(let model, let job):
            wantedModel = (model, job)
            if !tellLoaded() { loadModelIfIdle() }
        case .drain: drain()
        default: break  // A misplaced message changes nothing.
        }
    }

    /// Lets go of what another coordinator wanted: a shard of its job is none of this one's, although they have the same
    /// numbers.
    private mutating func forget() {
        if case .computing(let lease, _) = work { effects.append(.abandon(lease.shard)) }
        work = .idle
        latestAttempts = []
        wantedModel = nil
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
        leaveIfIdle()
        guard case .idle = work else { return }
        loadModelIfIdle()
        speak(now: now)
    }

    /// Says what the coordinator has to answer, and when to say it again.
    mutating func speak(now: Duration) {
        guard isJoined else {
            var hello = configuration.hello
            hello.resume = resumable
            effects.append(.send(.hello(hello)))
            repeatAt = now + configuration.retryInterval
            return
        }
        repeatAt = now + configuration.retryInterval
        switch work {
        case .idle:
            // A shard would have to wait for the model; the reminder comes when that is loaded.
            if loadingModel == nil { effects.append(.send(.leaseRequest)) }
        case .finished(_, let commit): effects.append(.send(.commit(commit)))
        case .failed(let failure): effects.append(.send(.fail(failure)))
        case .computing, .stopped: repeatAt = nil
        }
    }

    /// What to name in a hello.
    ///
    /// A trial means nothing to a coordinator that did not ask for it.
    private var resumable: [Hello.Resume] {
        switch work {
        case .computing(let lease, _) where !lease.purpose.isTrial: [.init(shard: lease.shard, isFinished: false)]
        case .finished(let lease, let commit) where !lease.purpose.isTrial:
            [.init(shard: commit.shard, isFinished: true)]
        case .computing, .finished, .idle, .failed, .stopped: []
        }
    }

    private mutating func checkDeadlines(now: Duration) {
        if now >= patienceEnds {
            if case .computing(let lease, _) = work { effects.append(.abandon(lease.shard)) }
            stop(wasEverJoined ? .coordinatorLost : .unreachable)
            return
        }
        if let time = lifetimeEnds, now >= time {
            lifetimeEnds = nil
            if leaving == nil || leaving == .whenDone {
                leaving = .by(now + configuration.drainGrace)
                leaveIfIdle()
            }
        }
        checkLeaving(now: now)
        guard work != .stopped else { return }
        if let time = nextHeartbeat, now >= time { sendHeartbeat(now: now) }
        if let time = repeatAt, now >= time { speak(now: now) }
    }

    private mutating func sendHeartbeat(now: Duration) {
        nextHeartbeat = now + heartbeatInterval
        var progress: [ShardProgress] = []
        if case .computing(_, let latest) = work { progress = [latest] }
        effects.append(.send(.heartbeat(progress: progress, residentBytes: residentBytes)))
    }

    var patienceEnds: Duration {
        lastHeard + (wasEverJoined ? configuration.coordinatorTimeout : configuration.joinTimeout)
    }
}
