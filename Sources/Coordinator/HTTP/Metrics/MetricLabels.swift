/// How an attempt at a shard ended: label `outcome`.
public enum AttemptOutcome: String, Sendable, CaseIterable {
    /// With a result.
    case finished
    /// The worker reported a failure.
    case failed
    /// The worker was lost.
    case lost
    /// The worker gave it back, because it leaves.
    case drained
}

/// What became of an offered result: label `result`.
public enum CommitResult: String, Sendable, CaseIterable {
    /// It is counted.
    case accepted
    /// It was counted before.
    case duplicate
    /// Another one was counted before.
    case conflict
    /// Not now.
    case retryLater = "retry-later"
    /// It makes no sense.
    case rejected
}

/// Why a lease was taken back: label `reason`.
public enum LeaseExpiry: String, Sendable, CaseIterable {
    /// The worker was silent for too long.
    case liveness
    /// The worker spoke, but its work did not go on.
    case progress
}

/// What a comparison of two results gave: label `result`.
public enum ComparisonResult: String, Sendable, CaseIterable {
    /// The same bytes.
    case equal
    /// Different bytes: a device is faulty.
    case different
}

/// Where payload goes: label `direction`.
public enum TransferDirection: String, Sendable, CaseIterable {
    /// From a worker or a client to the coordinator.
    case received
    /// From the coordinator.
    case sent
}

/// What payload is: label `kind`.
public enum TransferKind: String, Sendable, CaseIterable {
    /// Models, float or converted.
    case model
    /// Statistics of shards.
    case statistics
    /// Samples.
    case samples
    /// Everything else.
    case other
}

/// Why a connection was refused: label `reason`.
public enum HandshakeFailure: String, Sendable, CaseIterable {
    /// Its key is not allowed.
    case key
    /// The coordinator has no file descriptor for it.
    case descriptors
}

/// Why a message was refused: label `reason`.
public enum FrameRejection: String, Sendable, CaseIterable {
    /// It is longer than any message.
    case size
    /// It cannot be decoded.
    case malformed
    /// Its sender may not send it.
    case role
    /// It is of a version that is not spoken here.
    case version
    /// It belongs to a session that nobody knows, or of somebody else.
    case session
}
