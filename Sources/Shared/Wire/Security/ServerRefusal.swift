/// A coordinator that does not accept this client, however often it tries.
public struct ServerRefusal: Error, Sendable, Hashable {
    /// Why.
    public enum Reason: Sendable, Hashable {
        /// The client's key is not in the allow list.
        case notAllowed(PublicKey)
        /// The server has another key than the client expects.
        case serverKey(expected: PublicKey)
        /// The server does not encrypt.
        case serverUnprotected
        /// The server encrypts and the client does not.
        case clientUnprotected
        /// What listens there is no coordinator.
        case stranger
    }

    /// Where the coordinator was looked for.
    public var endpoint: Endpoint
    /// Why.
    public var reason: Reason
}

extension ServerRefusal: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch reason {
        case .notAllowed(let key):
            "The coordinator at \(endpoint) does not allow the key \(key); add the line '\(key) worker NAME' (or another "
                + "role) to its allow list and send it SIGHUP, or give another --key"
        case .serverKey(let expected):
            "The coordinator at \(endpoint) has another key than \(expected); give its .public file with --server-key"
        case .serverUnprotected:
            "The coordinator at \(endpoint) does not encrypt; start it with --keys, or leave out --key and --server-key if "
                + "it runs on this machine"
        case .clientUnprotected:
            "The coordinator at \(endpoint) demands encryption; give --key and --server-key"
        case .stranger: "What listens at \(endpoint) is no coordinator of Tare; check the address"
        }
    }
}

/// Finds out from a client socket's handshakes whether the server will ever accept it.
///
/// The library says clearly that a key is not allowed or that one side does not encrypt. A wrong server key only shows as
/// connections that the server closes, as a server that is about to end closes them too; therefore, after three in a row,
/// the server is asked over a plain connection whether it is one that encrypts.
public struct HandshakeJudge {
    /// Handshakes broken off in a row after which the server is looked at.
    static let suspicion = 3
    /// How long to look.
    static let probeTime: Duration = .seconds(2)

    private let endpoint: Endpoint
    private let security: SocketSecurity
    private var closedInARow = 0

    /// Makes a judge for one socket.
    public init(endpoint: Endpoint, security: SocketSecurity) {
        self.endpoint = endpoint
        self.security = security
    }

    /// Takes note of a handshake.
    ///
    /// - Returns: Why there is no hope, or `nil`. May take two seconds when handshakes were broken off.
    /// - Throws: `ZeroMQError` when the process has no file descriptors left.
    public mutating func note(_ outcome: HandshakeOutcome) throws(ZeroMQError) -> ServerRefusal? {
        guard case .failed(let failure) = outcome else {
            closedInARow = 0
            return nil
        }
        let client: ClientSecurity? = if case .client(let client) = security { client } else { nil }
        switch failure {
        case .notAllowed:
            return client.map { refusal(.notAllowed($0.keys.publicKey)) } ?? refusal(.clientUnprotected)
        case .mechanism: return refusal(client == nil ? .clientUnprotected : .serverUnprotected)
        case .cryptography: return client.map { refusal(.serverKey(expected: $0.serverKey)) }
        case .malformed: return refusal(.stranger)
        case .authenticator: return nil
        case .closed:
            closedInARow += 1
            guard closedInARow % Self.suspicion == 0 else { return nil }
            guard let mechanism = try MechanismProbe.mechanism(at: endpoint, timeout: Self.probeTime) else {
                return nil
            }
            switch (mechanism, client) {
            case ("CURVE", let client?): return refusal(.serverKey(expected: client.serverKey))
            case ("CURVE", nil): return refusal(.clientUnprotected)
            case (_, .some): return refusal(.serverUnprotected)
            default: return nil
            }
        }
    }

    private func refusal(_ reason: ServerRefusal.Reason) -> ServerRefusal {
        ServerRefusal(endpoint: endpoint, reason: reason)
    }
}
