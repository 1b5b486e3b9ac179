internal import CZeroMQ
internal import Glibc

/// A ZeroMQ socket with a context of its own; made, used and closed by one thread.
///
/// The only file that touches the library's pointers. Every context belongs to the thread that made it, so closing the
/// socket and ending the context can never wait for another thread.
@safe
public final class ZeroMQSocket {
    /// Which pattern a socket follows.
    public enum Kind: Sendable {
        /// Talks to many peers by address.
        case router
        /// Talks to one router.
        case dealer
    }

    /// The options that differ between sockets.
    public struct Options: Sendable {
        /// Bytes of the longest frame that is received.
        public var maximumFrameBytes: Int
        /// Messages that may wait in each direction, per peer.
        public var highWaterMark: Int

        /// For control messages.
        public static let control = Options(maximumFrameBytes: WireLimits.controlFrameBytes, highWaterMark: 1000)
        /// For blobs and samples: the credit keeps far fewer messages under way.
        public static let data = Options(
            maximumFrameBytes: WireLimits.dataFrameBytes, highWaterMark: 4 * WireLimits.creditChunks)
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

    private let context: UnsafeMutableRawPointer
    private let socket: UnsafeMutableRawPointer
    private let kind: Kind

    /// Makes a socket.
    ///
    /// - Throws: `ZeroMQError`, for example when the process has no file descriptors left.
    public init(_ kind: Kind, _ options: Options) throws(ZeroMQError) {
        guard let context = unsafe zmq_ctx_new() else { throw ZeroMQError("Making a socket") }
        guard let socket = unsafe zmq_socket(context, kind == .router ? ZMQ_ROUTER : ZMQ_DEALER) else {
            let error = ZeroMQError("Making a socket")
            unsafe zmq_ctx_term(context)
            throw error
        }
        unsafe self.context = context
        unsafe self.socket = socket
        self.kind = kind
        try set(ZMQ_LINGER, 0)
        try set(ZMQ_SNDHWM, Int32(options.highWaterMark))
        try set(ZMQ_RCVHWM, Int32(options.highWaterMark))
        try set(ZMQ_HANDSHAKE_IVL, 3000)
        try set(ZMQ_HEARTBEAT_IVL, 2000)
        try set(ZMQ_HEARTBEAT_TIMEOUT, 6000)
        try set(ZMQ_HEARTBEAT_TTL, 6000)
        try setLong(ZMQ_MAXMSGSIZE, Int64(options.maximumFrameBytes))
        switch kind {
        case .router:
            try set(ZMQ_ROUTER_MANDATORY, 1)
            try set(ZMQ_BACKLOG, 1024)
        case .dealer:
            try set(ZMQ_IMMEDIATE, 1)
            try set(ZMQ_RECONNECT_IVL, 100)
            try set(ZMQ_RECONNECT_IVL_MAX, 5000)
        }
    }

    deinit {
        unsafe zmq_close(socket)
        while unsafe zmq_ctx_term(context) != 0, zmq_errno() == EINTR {}
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

    /// How long closing waits for messages that are not sent yet, in milliseconds.
    public func setLinger(milliseconds: Int) throws(ZeroMQError) {
        try set(ZMQ_LINGER, Int32(milliseconds))
    }

    /// Listens at an endpoint.
    ///
    /// - Returns: The endpoint with the port that was chosen, where the system chose one.
    public func bind(_ endpoint: Endpoint) throws(ZeroMQError) -> Endpoint {
        try endpoint.checkBindable()
        guard unsafe zmq_bind(socket, endpoint.text) == 0 else { throw ZeroMQError("Listening at \(endpoint.text)") }
        var buffer = [UInt8](repeating: 0, count: 512)
        var count = buffer.count
        guard unsafe zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, &buffer, &count) == 0, count > 0 else {
            throw ZeroMQError("Listening at \(endpoint.text)")
        }
        return try Endpoint(String(decoding: buffer.prefix(count - 1), as: UTF8.self))
    }

    /// Begins to connect to an endpoint, and reconnects for as long as the socket lives.
    public func connect(_ endpoint: Endpoint) throws(ZeroMQError) {
        guard unsafe zmq_connect(socket, endpoint.text) == 0 else {
            throw ZeroMQError("Connecting to \(endpoint.text)")
        }
    }

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
    /// - Returns: The frames, after the sender's address for a router; `nil` when none has arrived. A message of more
    ///   than four frames is cut to four, which no message of the protocol has.
    public func receive() throws(ZeroMQError) -> (peer: PeerAddress?, frames: [[UInt8]])? {
        var frames: [[UInt8]] = []
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
            guard frames.count < 4 else { continue }
            let count = unsafe zmq_msg_size(&message)
            frames.append(
                unsafe [UInt8](
                    UnsafeRawBufferPointer(start: unsafe zmq_msg_data(&message), count: count)))
        }
        guard kind == .router else { return (nil, frames) }
        return (PeerAddress(frames[0]), Array(frames.dropFirst()))
    }

    /// Waits until a socket has a message, a socket that wants to can send, the mailbox has something, or time is over.
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
        var items = unsafe [zmq_pollitem_t]()
        for entry in sockets {
            let events = Int16(entry.wantsToSend ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN)
            unsafe items.append(zmq_pollitem_t(socket: entry.socket.socket, fd: 0, events: events, revents: 0))
        }
        for descriptor in descriptors {
            unsafe items.append(zmq_pollitem_t(socket: nil, fd: descriptor, events: Int16(ZMQ_POLLIN), revents: 0))
        }
        var milliseconds = -1
        if let timeout {
            let (seconds, attoseconds) = timeout.components
            let whole = Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
            milliseconds = max(0, min(whole, 3_600_000))
        }
        let result = unsafe zmq_poll(&items, Int32(items.count), milliseconds)
        guard result >= 0 || zmq_errno() == EINTR else { throw ZeroMQError("Waiting for messages") }
        return unsafe items.dropFirst(sockets.count).map { unsafe result > 0 && $0.revents != 0 }
    }
}
