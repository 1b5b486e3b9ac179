import Testing

@testable import Wire

/// A server socket and the clients that try to reach it, all on the test's thread.
final class TestServer {
    let authenticator: Authenticator
    let keys: KeyPair
    let socket: ZeroMQSocket
    let endpoint: Endpoint
    private(set) var messages: [(peer: PeerAddress, frames: [[UInt8]])] = []
    private(set) var handshakes: [HandshakeOutcome] = []

    init(
        allowing clients: [KeyPair], options: ZeroMQSocket.Options = .control,
        report: @escaping @Sendable (Refusal) -> Void = { _ in }
    ) throws {
        let entries = clients.enumerated().map {
            AuthorizedKey(key: $1.publicKey, role: .worker, name: "client-\($0)")
        }
        authenticator = try Authenticator(AuthorizedKeys(entries), report: report)
        keys = try KeyPair.generate()
        socket = try ZeroMQSocket(.router, options, security: .server(authenticator.security(for: keys)))
        try socket.monitorHandshakes()
        endpoint = try socket.bind(Endpoint("tcp://127.0.0.1:*"))
    }

    func client(_ keys: KeyPair, serverKey: PublicKey? = nil) throws -> TestClient {
        try TestClient(
            endpoint, .client(ClientSecurity(keys: keys, serverKey: serverKey ?? self.keys.publicKey)))
    }

    /// Lets everything happen until a condition holds.
    ///
    /// - Returns: Whether it came to hold within the time.
    func run(_ clients: [TestClient], for time: Duration = .seconds(20), until condition: () -> Bool) throws -> Bool {
        let end = MonotonicClock.now + time
        while true {
            while let (peer, frames) = try socket.receive() {
                messages.append((try #require(peer), frames))
            }
            while let outcome = try socket.nextHandshake() { handshakes.append(outcome) }
            for client in clients { try client.pump() }
            if condition() { return true }
            let left = end - MonotonicClock.now
            guard left > .zero else { return false }
            _ = try ZeroMQSocket.wait(
                [(socket, false)] + clients.map { ($0.socket, $0.wantsToSend) }, descriptors: [], timeout: left)
        }
    }
}

/// A client that sends one message as soon as it is connected.
final class TestClient {
    let socket: ZeroMQSocket
    private(set) var handshakes: [HandshakeOutcome] = []
    private(set) var wantsToSend = true
    private(set) var messages: [[[UInt8]]] = []

    init(_ endpoint: Endpoint, _ security: SocketSecurity) throws {
        socket = try ZeroMQSocket(.dealer, .control, security: security)
        try socket.monitorHandshakes()
        try socket.connect(endpoint)
    }

    func pump() throws {
        if wantsToSend, try socket.send([Array("hello".utf8)]) == .sent { wantsToSend = false }
        while let outcome = try socket.nextHandshake() { handshakes.append(outcome) }
        while let (_, frames) = try socket.receive() { messages.append(frames) }
    }

    var hasFailed: Bool { handshakes.contains { $0 != .succeeded } }
}
