public import Calibration
public import Wire

/// What happens to a worker.
public enum WorkerEvent: Sendable, Hashable {
    /// The process started.
    case started
    /// The coordinator's message on the control socket.
    case received(Envelope)
    /// The compute thread came this far.
    case progressed(ShardProgress)
    /// The compute thread finished a shard and uploaded its statistics.
    case computed(ShardReference, digest: ContentDigest, size: Int, samples: Int)
    /// The compute thread could not finish a shard.
    case failed(ShardFailure)
    /// Somebody wants the worker to leave when its shard is done.
    case drainRequested
    /// The time that `nextDeadline` named has come.
    case deadline
}

/// What a worker wants done.
public enum WorkerEffect: Sendable, Hashable {
    /// Send a message on the control socket.
    case send(Message)
    /// Connect the data socket, unless it is connected to this endpoint.
    case connectData(endpoint: String, chunkBytes: Int)
    /// Compute a shard.
    case compute(Lease)
    /// Upload the statistics of the last shard once more, then answer with `computed`.
    case upload(ShardReference)
    /// Stop computing a shard; its result is not wanted.
    case abandon(ShardReference)
    /// Leave: nothing more will come.
    case stop(WorkerExit)
}

/// Why a worker leaves.
public enum WorkerExit: Sendable, Hashable {
    /// The coordinator has no more work.
    case done(DoneReason, text: String)
    /// The worker was told to leave and has handed in its shard.
    case drained
    /// The coordinator turned the worker away.
    case rejected(RejectCode, text: String)
    /// No coordinator answered.
    case unreachable
    /// The coordinator was there and is not any more.
    case coordinatorLost
}
