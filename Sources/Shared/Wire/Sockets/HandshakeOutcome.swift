/// How a connection's handshake ended.
public enum HandshakeOutcome: Sendable, Hashable {
    /// Both sides agreed.
    case succeeded
    /// It did not come about.
    case failed(HandshakeFailure)
}

/// Why a connection's handshake failed; the raw values are labels of the metrics.
public enum HandshakeFailure: String, Sendable, Hashable, CaseIterable, Comparable {
    /// The server's authenticator refused the client's key.
    case notAllowed = "not_allowed"
    /// One side wants encryption and the other does not, or another kind of it.
    case mechanism
    /// A key is not the one it should be.
    case cryptography
    /// The peer does not speak the transport's protocol.
    case malformed
    /// The server's authenticator gave no proper answer, which counts as a refusal.
    case authenticator
    /// The other side closed the connection, or the time for the handshake ran out.
    case closed

    /// Orders failures by their label.
    public static func < (left: HandshakeFailure, right: HandshakeFailure) -> Bool { left.rawValue < right.rawValue }
}
