/// How a socket's connections are protected.
public enum SocketSecurity: Sendable {
    /// Not at all: for sockets that only this machine can reach.
    case unprotected
    /// Encrypted; clients must have a key that an authenticator allows.
    case server(ServerSecurity)
    /// Encrypted; the server must have a certain key.
    case client(ClientSecurity)

    /// Whether everything is encrypted and both sides have proved who they are.
    public var isEncrypted: Bool {
        if case .unprotected = self { return false }
        return true
    }

    /// The context in which the socket must live: the one where its authenticator answers.
    var context: ZeroMQContext? {
        guard case .server(let server) = self else { return nil }
        return server.authenticator.context
    }
}

/// The keys of a server and the authenticator that answers for it.
///
/// Only a running authenticator makes one (`Authenticator.security(for:)`), and it keeps that authenticator: a server
/// socket that lets everybody in because nobody answers cannot be made.
public struct ServerSecurity: Sendable {
    let keys: KeyPair
    let authenticator: Authenticator

    init(keys: KeyPair, authenticator: Authenticator) {
        self.keys = keys
        self.authenticator = authenticator
    }

    /// The key by which clients know the server.
    public var publicKey: PublicKey { keys.publicKey }
}

/// The keys of a client and the one that it expects of the server.
public struct ClientSecurity: Sendable {
    /// Who the client is.
    public let keys: KeyPair
    /// Who the server must be.
    public let serverKey: PublicKey

    /// Joins the keys.
    public init(keys: KeyPair, serverKey: PublicKey) {
        self.keys = keys
        self.serverKey = serverKey
    }
}
