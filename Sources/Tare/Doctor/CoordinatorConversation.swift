import Launch
import Wire

/// One question to a coordinator that changes nothing: a heartbeat of a session that it cannot know.
struct CoordinatorConversation {
    /// What came back.
    enum Answer {
        /// A message of this protocol.
        case answered
        /// This key may not do what workers do.
        case rejected(String)
        /// Something else, or another version.
        case refused(WireError)
        /// Nothing.
        case silent
    }

    private let socket: ZeroMQSocket
    private let session: SessionID
    private let endpoint: Endpoint
    private let security: SocketSecurity

    /// Begins to connect.
    init(endpoint: Endpoint, security: SocketSecurity) throws {
        self.endpoint = endpoint
        self.security = security
        socket = try ZeroMQSocket(.dealer, .control, security: security)
        try socket.monitorHandshakes()
        try socket.connect(endpoint)
        var generator = SystemRandomNumberGenerator()
        session = SessionID.random(using: &generator)
    }

    /// Sends the question; the socket takes it once the peer has shaken hands.
    ///
    /// - Returns: Whether it went out in time.
    /// - Throws: `ServerRefusal` when the peer will never accept these keys.
    func ask(patience: Duration) throws -> Bool {
        let packet = Packet(
            Envelope(session: session, sequence: 1, message: .heartbeat(progress: [], residentBytes: 0)))
        let frames = try PacketCodec.frames(packet)
        var judge = HandshakeJudge(endpoint: endpoint, security: security)
        let deadline = MonotonicClock.now + patience
        while try socket.send(frames) != .sent {
            while let outcome = try socket.nextHandshake() {
                if let refusal = try judge.note(outcome) { throw refusal }
            }
            let rest = deadline - MonotonicClock.now
            guard rest > .zero else { return false }
            _ = try ZeroMQSocket.wait([(socket, true)], descriptors: [], timeout: min(rest, .milliseconds(100)))
        }
        return true
    }

    /// Takes back the session that the question began, which counts among those of its key.
    func end() throws {
        let packet = Packet(Envelope(session: session, sequence: 2, message: .goodbye(text: "tare doctor")))
        try socket.setLinger(milliseconds: 250)
        _ = try socket.send(try PacketCodec.frames(packet))
    }

    /// Waits for the answer.
    func answer(patience: Duration) throws -> Answer {
        let deadline = MonotonicClock.now + patience
        while true {
            if let (_, frames) = try socket.receive() {
                do throws(WireError) {
                    if case .reject(_, let text, _) = try PacketCodec.packet(frames).envelope.message {
                        return .rejected(text)
                    }
                    return .answered
                } catch {
                    return .refused(error)
                }
            }
            let rest = deadline - MonotonicClock.now
            guard rest > .zero else { return .silent }
            _ = try ZeroMQSocket.wait([(socket, false)], descriptors: [], timeout: rest)
        }
    }
}
