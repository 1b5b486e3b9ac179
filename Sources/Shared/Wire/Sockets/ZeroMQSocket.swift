internal import CZeroMQ
internal import Glibc

/// A ZeroMQ socket; made, used and closed by one thread.
///
/// With this file's few neighbours the only place that touches the library's pointers. A client's socket has a context of
/// its own; a server's encrypted sockets share the one in which their authenticator answers.
@safe
public final class ZeroMQSocket {
    /// Which pattern a socket follows.
    public enum Kind: Sendable {
        /// Talks to many peers by address.
        case router
        /// Talks to one router.
        case dealer
        /// Answers one request after the other.
        case reply
        /// Talks to one other pair inside this process.
        case pair
        /// Talks bytes without messages.
        case stream
    }

    /// The options that differ between sockets.
    public struct Options: Sendable {
        /// Bytes of the longest frame that is received.
        public var maximumFrameBytes: Int
        /// Messages that may wait in each direction, per peer; 0 for any number.
        public var highWaterMark: Int
        /// Which of its context's threads serves the socket, where there are several.
        var thread = 0

        /// For control messages.
        public static let control = Options(maximumFrameBytes: WireLimits.controlFrameBytes, highWaterMark: 1000)
        /// For blobs and samples: the credit keeps far fewer messages under way.
        public static let data = Options(
            maximumFrameBytes: WireLimits.dataFrameBytes, highWaterMark: 4 * WireLimits.creditChunks, thread: 1)
    }

    /// What became of a message that was to be sent.
    public enum SendResult: Sendable {
        /// The library took it.
        case sent
        /// The peer takes no more for now.
        case full
        /// The peer is gone.
        case unreachable
    }

    /// The most bytes by which encryption lengthens a frame: command name, nonce, flags and authenticator, rounded up.
    static let encryptionBytes = 64
    /// The fewest bytes that a frame limit may allow: a CURVE handshake needs 293.
    static let handshakeBytes = 512

    /// `ZMQ_ZAP_ENFORCE_DOMAIN`, which the header shows to builds with drafts only: whoever cannot be asked refuses.
    private static let enforceDomain: Int32 = 93

    let context: ZeroMQContext
    let kind: Kind
    private let socket: UnsafeMutableRawPointer
    private let security: SocketSecurity
    private var monitor: ZeroMQSocket?

    /// Makes a socket.
    ///
    /// - Parameters:
    ///   - kind: Which pattern it follows.
    ///   - options: Limits.
    ///   - security: Keys, or `unprotected` for this machine only.
    /// - Throws: `ZeroMQError`, for example when the process has no file descriptors left.
    public convenience init(
        _ kind: Kind, _ options: Options, security: SocketSecurity = .unprotected
    ) throws(ZeroMQError) {
        let context: ZeroMQContext
        if let shared = security.context { context = shared } else { context = try ZeroMQContext() }
        try self.init(kind, options, security: security, context: context)
    }

    init(_ kind: Kind, _ options: Options, security: SocketSecurity, context: ZeroMQContext) throws(ZeroMQError) {
        guard let socket = unsafe context.makeSocket(kind.type) else { throw ZeroMQError("Making a socket") }
        self.context = context
        unsafe self.socket = socket
        self.kind = kind
        self.security = security
        try set(ZMQ_LINGER, 0)
        try set(ZMQ_SNDHWM, Int32(options.highWaterMark))
        try set(ZMQ_RCVHWM, Int32(options.highWaterMark))
        guard kind != .pair, kind != .reply else { return }
        try setLong(
            ZMQ_MAXMSGSIZE, Int64(max(Self.handshakeBytes, options.maximumFrameBytes + Self.encryptionBytes)))
        try setLong(ZMQ_AFFINITY, security.context == nil ? 0 : 1 << Int64(options.thread))
        guard kind != .stream else { return }
        try set(ZMQ_HANDSHAKE_IVL, 3000)
        try set(ZMQ_HEARTBEAT_IVL, 2000)
        try set(ZMQ_HEARTBEAT_TIMEOUT, 6000)
        try set(ZMQ_HEARTBEAT_TTL, 6000)
        switch kind {
        case .router:
            try set(ZMQ_ROUTER_MANDATORY, 1)
            try set(ZMQ_BACKLOG, 4096)
        default:
            try set(ZMQ_IMMEDIATE, 1)
            try set(ZMQ_RECONNECT_IVL, 100)
            try set(ZMQ_RECONNECT_IVL_MAX, 5000)
        }
        try set(security)
    }

    deinit {
        // The library would wait for ever for a monitor that is gone, with its input and output thread: first no more
        // events, then the socket, then (when this instance's properties go) the monitor and the context.
        if monitor != nil { unsafe zmq_socket_monitor(socket, nil, 0) }
        unsafe zmq_close(socket)
    }

    // MARK: Options

    private func set(_ security: SocketSecurity) throws(ZeroMQError) {
        switch security {
        case .unprotected: break
        case .server(let server):
            try set(ZMQ_CURVE_SERVER, 1)
            try setText(ZMQ_CURVE_SECRETKEY, server.keys.secret.text)
            try setText(ZMQ_ZAP_DOMAIN, Authenticator.domain)
            try set(Self.enforceDomain, 1)
        case .client(let client):
            try setText(ZMQ_CURVE_SERVERKEY, client.serverKey.text)
            try setText(ZMQ_CURVE_PUBLICKEY, client.keys.publicKey.text)
            try setText(ZMQ_CURVE_SECRETKEY, client.keys.secret.text)
        }
    }

    private func set(_ option: Int32, _ value: Int32) throws(ZeroMQError) {
        var value = value
        guard unsafe zmq_setsockopt(socket, option, &value, MemoryLayout<Int32>.size) == 0 else {
            throw ZeroMQError("Setting socket option \(option)")
        }
    }

    private func setLong(_ option: Int32, _ value: Int64) throws(ZeroMQError) {
        var value = value
        guard unsafe zmq_setsockopt(socket, option, &value, MemoryLayout<Int64>.size) == 0 else {
            throw ZeroMQError("Setting socket option \(option)")
        }
    }

    /// Sets an option to a text; the library takes keys with their terminating zero.
    private func setText(_ option: Int32, _ text: String) throws(ZeroMQError) {
        let count = option == ZMQ_ZAP_DOMAIN ? text.utf8.count : text.utf8.count + 1
        guard unsafe zmq_setsockopt(socket, option, text, count) == 0 else {
            throw ZeroMQError("Setting socket option \(option)")
        }
    }

    /// How long closing waits for messages that are not sent yet, in milliseconds.
    public func setLinger(milliseconds: Int) throws(ZeroMQError) {
        try set(ZMQ_LINGER, Int32(milliseconds))
    }

    // MARK: Connections

    /// Listens at an endpoint.
    ///
    /// - Returns: The endpoint with the port that was chosen, where the system chose one.
    /// - Throws: `ZeroMQError`; also when the socket has no keys and other machines could reach the endpoint.
    public func bind(_ endpoint: Endpoint) throws(ZeroMQError) -> Endpoint {
        if !security.isEncrypted { try endpoint.checkBindable() }
        try bind(name: endpoint.text)
        var buffer = [UInt8](repeating: 0, count: 512)
        var count = buffer.count
        guard unsafe zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, &buffer, &count) == 0, count > 0 else {
            throw ZeroMQError("Listening at \(endpoint.text)")
        }
        return try Endpoint(String(decoding: buffer.prefix(count - 1), as: UTF8.self))
    }

    func bind(name: String) throws(ZeroMQError) {
        guard unsafe zmq_bind(socket, name) == 0 else { throw ZeroMQError("Listening at \(name)") }
    }

    /// Begins to connect to an endpoint, and reconnects for as long as the socket lives.
    ///
    /// - Throws: `ZeroMQError`; also when the socket has no keys and the endpoint is on another machine.
    public func connect(_ endpoint: Endpoint) throws(ZeroMQError) {
        if !security.isEncrypted { try endpoint.checkConnectable() }
        try connect(name: endpoint.text)
    }

    func connect(name: String) throws(ZeroMQError) {
        guard unsafe zmq_connect(socket, name) == 0 else { throw ZeroMQError("Connecting to \(name)") }
    }

    // MARK: Messages

    /// Sends a message if it can go now.
    ///
    /// - Parameters:
    ///   - frames: The frames, at least one.
    ///   - peer: For a router, whom to send it to.
    /// - Returns: What became of it; a message is sent whole or not at all.
    /// - Throws: `ZeroMQError` when the socket fails.
    public func send(_ frames: [[UInt8]], to peer: PeerAddress? = nil) throws(ZeroMQError) -> SendResult {
        let all = peer.map { [$0.bytes] + frames } ?? frames
        for (index, frame) in all.enumerated() {
            let flags = ZMQ_DONTWAIT | (index + 1 < all.count ? ZMQ_SNDMORE : 0)
            while unsafe zmq_send(socket, frame, frame.count, flags) < 0 {
                switch zmq_errno() {
                case EINTR: continue
                case EAGAIN where index == 0: return .full
                case EHOSTUNREACH where index == 0: return .unreachable
                default: throw ZeroMQError("Sending")
                }
            }
        }
        return .sent
    }

    /// Takes the next message that has arrived.
    ///
    /// - Returns: The frames, after the sender's address for a router; `nil` when none has arrived. A message of too many
    ///   frames is cut (for a router and a dealer to four), which no message of the protocol has.
    public func receive() throws(ZeroMQError) -> (peer: PeerAddress?, frames: [[UInt8]])? {
        var frames: [[UInt8]] = []
        var identity: PublicKey?
        var hasMore = true
        while hasMore {
            var message = zmq_msg_t()
            unsafe zmq_msg_init(&message)
            defer { unsafe zmq_msg_close(&message) }
            while unsafe zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) < 0 {
                switch zmq_errno() {
                case EINTR: continue
                case EAGAIN where frames.isEmpty: return nil
                default: throw ZeroMQError("Receiving")
                }
            }
            hasMore = unsafe zmq_msg_more(&message) != 0
            guard frames.count < kind.maximumFrames else { continue }
            let count = unsafe zmq_msg_size(&message)
            frames.append(
                unsafe [UInt8](
                    UnsafeRawBufferPointer(start: unsafe zmq_msg_data(&message), count: count)))
            // The first frame of a router is the address, which the library adds.
            if kind == .router, frames.count == 2, security.isEncrypted {
                identity = unsafe zmq_msg_gets(&message, "User-Id").flatMap {
                    try? PublicKey(unsafe String(cString: $0))
                }
            }
        }
        guard kind == .router || kind == .stream else { return (nil, frames) }
        return (PeerAddress(frames[0], identity: identity), Array(frames.dropFirst()))
    }

    // MARK: Handshakes

    /// Begins to watch the handshakes of this socket's connections; before it binds or connects.
    public func monitorHandshakes() throws(ZeroMQError) {
        let name = context.uniqueEndpoint()
        let events =
            ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
            | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
        guard unsafe zmq_socket_monitor(socket, name, events) == 0 else { throw ZeroMQError("Watching a socket") }
        // Without a high water mark, or a thread of the library would wait when nobody reads.
        let pair = try ZeroMQSocket(
            .pair, Options(maximumFrameBytes: 0, highWaterMark: 0), security: .unprotected, context: context)
        try pair.connect(name: name)
        monitor = pair
    }

    /// How the next handshake ended, with the endpoint; `nil` when there is no news.
    public func nextHandshake() throws(ZeroMQError) -> HandshakeOutcome? {
        guard let monitor, let (_, frames) = try monitor.receive(), let event = frames.first, event.count == 6 else {
            return nil
        }
        // Both numbers are in the machine's byte order, which is little-endian everywhere this runs.
        let kind = Int32(event[0]) | Int32(event[1]) << 8
        let value = (2..<6).reduce(0) { $0 | Int32(bitPattern: UInt32(event[$1]) << UInt32(8 * ($1 - 2))) }
        return HandshakeOutcome(event: kind, value: value)
    }

    // MARK: Waiting

    /// Waits until a socket has a message or news of a handshake, a socket that wants to can send, the mailbox has
    /// something, or time is over.
    ///
    /// - Parameters:
    ///   - sockets: What to wait for; `true` for those that want to send.
    ///   - descriptors: File descriptors to wait for, such as the mailbox's.
    ///   - timeout: How long; `nil` for ever.
    /// - Returns: Which descriptors have something to read or were closed at the other end.
    /// - Throws: `ZeroMQError` when waiting fails.
    public static func wait(
        _ sockets: [(socket: ZeroMQSocket, wantsToSend: Bool)], descriptors: [Int32], timeout: Duration?
    ) throws(ZeroMQError) -> [Bool] {
        let input = Int16(ZMQ_POLLIN)
        var items = unsafe descriptors.map {
            unsafe zmq_pollitem_t(socket: nil, fd: $0, events: input, revents: 0)
        }
        for entry in sockets {
            let events = Int16(entry.wantsToSend ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN)
            unsafe items.append(zmq_pollitem_t(socket: entry.socket.socket, fd: 0, events: events, revents: 0))
            if let monitor = entry.socket.monitor {
                unsafe items.append(zmq_pollitem_t(socket: monitor.socket, fd: 0, events: input, revents: 0))
            }
        }
        var milliseconds = -1
        if let timeout {
            let (seconds, attoseconds) = timeout.components
            let whole = Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
            milliseconds = max(0, min(whole, 3_600_000))
        }
        let result = unsafe zmq_poll(&items, Int32(items.count), milliseconds)
        guard result >= 0 || zmq_errno() == EINTR else { throw ZeroMQError("Waiting for messages") }
        return unsafe items.prefix(descriptors.count).map { unsafe result > 0 && $0.revents != 0 }
    }
}

extension ZeroMQSocket.Kind {
    /// The library's number.
    fileprivate var type: Int32 {
        switch self {
        case .router: ZMQ_ROUTER
        case .dealer: ZMQ_DEALER
        case .reply: ZMQ_REP
        case .pair: ZMQ_PAIR
        case .stream: ZMQ_STREAM
        }
    }

    /// How many frames of a message are kept.
    fileprivate var maximumFrames: Int {
        switch self {
        case .router, .dealer, .pair, .stream: 4
        case .reply: 16
        }
    }
}

extension HandshakeOutcome {
    /// Reads an event of the library's monitor.
    fileprivate init?(event: Int32, value: Int32) {
        switch event {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: self = .succeeded
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: self = .failed(.notAllowed)
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: self = .failed(.closed)
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            switch value {
            case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC: self = .failed(.cryptography)
            case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH: self = .failed(.mechanism)
            case ZMQ_PROTOCOL_ERROR_ZAP_UNSPECIFIED...: self = .failed(.authenticator)
            default: self = .failed(.malformed)
            }
        default: return nil
        }
    }
}
