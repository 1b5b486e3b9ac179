/// A request of the library to say whether a client may connect (ZAP, ZeroMQ RFC 27).
struct AuthenticationRequest {
    /// The protocol's version, as requests and replies have it.
    static let version = Array("1.0".utf8)

    /// Identifies the request in the reply.
    var identifier: [UInt8]
    /// The client's address.
    var address: String
    /// The client's key.
    var key: PublicKey?
    /// What is wrong with the request itself.
    var fault: Refusal.Reason?

    /// Reads the frames of a request: version, identifier, domain, address, routing id, mechanism, credentials.
    init(_ frames: [[UInt8]]) {
        identifier = frames.count > 1 ? frames[1] : []
        address = frames.count > 3 ? String(decoding: frames[3], as: UTF8.self) : ""
        guard frames.count >= 6, frames[0] == Self.version else {
            fault = .request
            return
        }
        guard frames[2] == Array(Authenticator.domain.utf8) else {
            fault = .domain
            return
        }
        guard frames[5] == Array("CURVE".utf8) else {
            fault = .mechanism
            return
        }
        guard frames.count == 7, let key = PublicKey(bytes: frames[6]) else {
            fault = .request
            return
        }
        self.key = key
    }

    /// The reply: version, identifier, status, text, user id, metadata.
    func reply(_ entry: AuthorizedKey?) -> [[UInt8]] {
        let (status, text, user) = entry.map { ("200", "", $0.key.text) } ?? ("400", "not allowed", "")
        return [Self.version, identifier, Array(status.utf8), Array(text.utf8), Array(user.utf8), []]
    }
}

/// Answers the library's authentication requests; runs on the authenticator's thread.
final class AuthenticationServer {
    /// Where the library asks, in the context of the sockets that it asks for.
    private static let endpoint = "inproc://zeromq.zap.01"

    private let socket: ZeroMQSocket
    private let state: AuthenticatorState

    /// Binds the socket that the library asks.
    init(context: ZeroMQContext, state: AuthenticatorState) throws(ZeroMQError) {
        self.state = state
        socket = try ZeroMQSocket(
            .reply, ZeroMQSocket.Options(maximumFrameBytes: 0, highWaterMark: 0), security: .unprotected,
            context: context)
        try socket.bind(name: Self.endpoint)
    }

    /// Answers until something is in the mailbox.
    func run(_ mailbox: Mailbox<Void>) throws(ZeroMQError) {
        while true {
            let isStopped = try ZeroMQSocket.wait([(socket, false)], descriptors: [mailbox.descriptor], timeout: nil)
            if isStopped[0] { return }
            while let (_, frames) = try socket.receive() {
                let request = AuthenticationRequest(frames)
                guard try socket.send(request.reply(state.decide(request))) == .sent else {
                    throw ZeroMQError("Answering whether a client may connect", reason: "the answer was not taken")
                }
            }
        }
    }
}
