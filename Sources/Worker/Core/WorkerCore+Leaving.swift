internal import Calibration
internal import Wire

extension WorkerCore {
    /// When something happens about leaving by itself.
    var leavingEnds: Duration? {
        switch leaving {
        case .by(let time), .atOnce(let time): time
        case .whenDone, nil: nil
        }
    }

    /// The coordinator wants the worker to leave: it has all the time it needs for the shard in hand.
    mutating func drain() {
        if leaving == nil { leaving = .whenDone }
        leaveIfIdle()
    }

    mutating func leaveIfIdle() {
        if case .idle = work, leaving != nil { leave("drained", .drained) }
    }

    /// Gives back a shard whose time is up, and leaves when that was heard or enough time has passed.
    mutating func checkLeaving(now: Duration) {
        switch leaving {
        case .by(let time) where now >= time: giveBack(.drained, text: "the grace time is over", now: now, waits: true)
        case .atOnce(let time) where now >= time: leave("drained", .drained)
        case .by, .atOnce, .whenDone, nil: break
        }
    }

    /// Stops computing, tells the coordinator, and leaves: when it has heard of it, or at once.
    mutating func giveBack(_ failureClass: FailureClass, text: String, now: Duration, waits: Bool) {
        switch work {
        case .computing(let lease, _):
            effects.append(.abandon(lease.shard))
            work = .failed(ShardFailure(shard: lease.shard, failureClass: failureClass, text: text))
        case .finished(_, let commit):
            // The coordinator did not take the result in time.
            work = .failed(ShardFailure(shard: commit.shard, failureClass: failureClass, text: text))
        case .failed: break
        case .idle, .stopped:
            leaveIfIdle()
            if work == .idle { leave("drained", .drained) }
            return
        }
        leaving = .atOnce(now + configuration.farewellTimeout)
        if isJoined { speak(now: now) }
        if !waits || !isJoined { leave("drained", .drained) }
    }

    mutating func leave(_ text: String, _ exit: WorkerExit) {
        effects.append(.send(.goodbye(text: text)))
        stop(exit)
    }

    mutating func stop(_ exit: WorkerExit) {
        work = .stopped
        repeatAt = nil
        nextHeartbeat = nil
        effects.append(.stop(exit))
    }

    /// Notes the memory; a shard that takes more than the limit is given back before the system ends the process.
    mutating func measured(_ bytes: Int, now: Duration) {
        residentBytes = bytes
        guard let limit = configuration.memoryLimit, bytes > limit, case .computing(let lease, _) = work else { return }
        let text = "the worker has \(bytes >> 20) MiB of memory in use, more than its limit of \(limit >> 20) MiB"
        effects.append(.abandon(lease.shard))
        work = .failed(ShardFailure(shard: lease.shard, failureClass: .memory, text: text))
        speak(now: now)
    }

    // MARK: The quantized model

    /// Loads the model that the coordinator wants, when nothing else is to be done.
    mutating func loadModelIfIdle() {
        guard case .idle = work, loadingModel == nil, leaving == nil, let wantedModel,
            loadedModel?.digest != wantedModel.model.digest
        else { return }
        loadingModel = wantedModel.model.digest
        effects.append(.loadModel(wantedModel.model, job: wantedModel.job))
    }

    mutating func modelLoaded(_ digest: ContentDigest, _ failure: String?, now: Duration) {
        guard loadingModel == digest else { return }
        loadingModel = nil
        loadedModel = (digest, failure)
        _ = tellLoaded()
        loadModelIfIdle()
        if case .idle = work { speak(now: now) }
    }

    /// Says what became of the model that the coordinator wants.
    ///
    /// - Returns: Whether there was anything to say.
    mutating func tellLoaded() -> Bool {
        guard let wantedModel, let loadedModel, loadedModel.digest == wantedModel.model.digest else { return false }
        effects.append(
            .send(.modelLoaded(job: wantedModel.job, digest: loadedModel.digest, failure: loadedModel.failure)))
        return true
    }

    /// What is inconsistent, for tests; empty unless there is a bug.
    package func checkInvariants() -> [String] {
        var wrong: [String] = []
        if isJoined != (nextHeartbeat != nil), work != .stopped { wrong.append("joined and heartbeat differ") }
        if case .idle = work, repeatAt == nil { wrong.append("idle without a reminder") }
        if case .idle = work, leaving != nil { wrong.append("idle and still here") }
        if case .finished = work, repeatAt == nil { wrong.append("a result without a reminder") }
        if case .failed = work, repeatAt == nil { wrong.append("a failure without a reminder") }
        if case .computing = work, repeatAt != nil, isJoined { wrong.append("computing with a reminder") }
        return wrong
    }
}
