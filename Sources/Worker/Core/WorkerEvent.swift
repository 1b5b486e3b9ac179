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
    /// The compute thread finished a shard, and uploaded its statistics if the lease's purpose is `count`.
    case computed(ShardReference, digest: ContentDigest, size: Int, samples: Int)
    /// The compute thread could not finish a shard; running out of memory is of class `memory`.
    case failed(ShardFailure)
    /// The compute thread loaded the model with this digest; or it could not, and `failure` says why.
    case modelLoaded(ContentDigest, failure: String?)
    /// The memory of the process was measured.
    case measured(residentBytes: Int)
    /// Somebody wants the process to end: the shard in hand has `drainGrace` to be finished and handed in.
    case drainRequested
    /// Somebody wants the process to end at once.
    case stopRequested
    /// The time that `nextDeadline` named has come.
    case deadline
}

/// What a worker wants done.
public enum WorkerEffect: Sendable, Hashable {
    /// Send a message on the control socket.
    case send(Message)
    /// Connect the data socket, unless it is connected to this endpoint.
    case connectData(endpoint: String, chunkBytes: Int)
    /// Compute a shard, or the part of it that `purpose` says, without the samples in `excluded`; keep the statistics
    /// until the next shard, and upload them at once only if the purpose is `count`.
    case compute(Lease)
    /// Upload the statistics of the last shard (once more), then answer with `computed`.
    case upload(ShardReference)
    /// Stop computing a shard; its result is not wanted.
    case abandon(ShardReference)
    /// Load a job's model and answer with `modelLoaded`.
    case loadModel(JobModel, job: UInt64)
    /// Leave: nothing more will come.
    case stop(WorkerExit)
}

/// Why a worker leaves.
public enum WorkerExit: Sendable, Hashable {
    /// The coordinator has no more work.
    case done(DoneReason, text: String)
    /// The worker was told to leave, or its lifetime is over; its shard is handed in or given back.
    case drained
    /// The coordinator turned the worker away.
    case rejected(RejectCode, text: String)
    /// No coordinator answered.
    case unreachable
    /// The coordinator was there and is not any more.
    case coordinatorLost
}
