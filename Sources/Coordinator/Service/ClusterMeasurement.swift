internal import Wire

/// Something that was measured, for metrics.
public enum ClusterMeasurement: Sendable {
    /// What went over the data socket.
    public enum Payload: Sendable {
        /// Models, float or converted, and what describes a job.
        case model
        /// Statistics of shards.
        case statistics
        /// Samples.
        case samples
    }

    /// Commits became durable in one transaction.
    case transaction(Duration)
    /// A command waited so long for the control thread.
    case commandWaited(Duration)
    /// Payload came in.
    case received(Payload, bytes: Int)
    /// Payload went out.
    case sent(Payload, bytes: Int)
}

/// Why a message changed nothing.
public enum MessageRefusal: Sendable {
    /// It is longer than any message.
    case size
    /// It cannot be decoded.
    case malformed
    /// Its sender may not send it.
    case role
    /// It is of a version that is not spoken here.
    case version
    /// It belongs to somebody else's session.
    case session
    /// It could not be sent.
    case unsent
}

extension WireError {
    /// The same for metrics.
    var refusal: MessageRefusal {
        switch self {
        case .oversize: .size
        case .version: .version
        case .frameCount, .malformed, .field, .misplaced: .malformed
        }
    }
}

extension AdmissionRefusal {
    /// The same for metrics.
    var refusal: MessageRefusal {
        switch self {
        case .unidentified, .revoked, .role: .role
        case .foreignSession, .tooManySessions: .session
        }
    }
}
