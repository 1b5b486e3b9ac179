/// Asks what listens at an endpoint how it protects its connections, without any key.
public enum MechanismProbe {
    /// Bytes of the greeting of ZMTP 3 (ZeroMQ RFC 23): signature, version, mechanism, role, filler.
    static let greetingBytes = 64

    /// The greeting of a peer with a mechanism.
    static func greeting(mechanism: String) -> [UInt8] {
        let name = Array(mechanism.utf8)
        return [0xFF] + [UInt8](repeating: 0, count: 8) + [0x7F, 3, 0] + name
            + [UInt8](repeating: 0, count: greetingBytes - 12 - name.count)
    }

    /// Exchanges greetings.
    ///
    /// - Parameters:
    ///   - endpoint: Where somebody listens.
    ///   - timeout: How long to wait for the greeting.
    /// - Returns: `NULL`, `PLAIN`, `CURVE` or another name; `nil` when nobody answers in this protocol.
    /// - Throws: `ZeroMQError` when the process has no file descriptors left.
    public static func mechanism(at endpoint: Endpoint, timeout: Duration) throws(ZeroMQError) -> String? {
        guard endpoint.host != nil else { return nil }
        let connection = try RawConnection(to: endpoint)
        let end = MonotonicClock.now + timeout
        var isGreeted = false
        while connection.received.count < greetingBytes, !connection.isClosed {
            let left = end - MonotonicClock.now
            guard left > .zero else { return nil }
            try connection.wait(timeout: left)
            if !isGreeted, connection.isOpen {
                // Signature and version: after a whole greeting that it does not like, the peer hangs up without its own.
                try connection.send(Array(greeting(mechanism: "NULL").prefix(12)))
                isGreeted = true
            }
        }
        let bytes = connection.received
        guard bytes.count >= greetingBytes, bytes[0] == 0xFF, bytes[9] & 1 == 1, bytes[10] >= 3 else { return nil }
        return String(decoding: bytes[12..<32].prefix { $0 != 0 }, as: UTF8.self)
    }
}

/// A TCP connection without messages.
final class RawConnection {
    private let socket: ZeroMQSocket
    private var peer: PeerAddress?
    /// Everything that came.
    private(set) var received: [UInt8] = []
    /// Whether the other side has closed it.
    private(set) var isClosed = false

    /// Begins to connect, with a context of its own where none is given.
    init(to endpoint: Endpoint, context: ZeroMQContext? = nil) throws(ZeroMQError) {
        let options = ZeroMQSocket.Options(maximumFrameBytes: WireLimits.controlFrameBytes, highWaterMark: 2)
        let shared: ZeroMQContext
        if let context { shared = context } else { shared = try ZeroMQContext() }
        socket = try ZeroMQSocket(.stream, options, security: .unprotected, context: shared)
        try socket.connect(name: endpoint.text)
    }

    /// Whether the connection is there.
    var isOpen: Bool { peer != nil && !isClosed }

    /// Waits for something to come, and takes it; also for room for bytes to send, if there are some.
    func wait(timeout: Duration, toSend: Bool = false) throws(ZeroMQError) {
        _ = try ZeroMQSocket.wait([(socket, toSend)], descriptors: [], timeout: timeout)
        while let (peer, frames) = try socket.receive() {
            // The library says with an empty message that a connection was made or has ended.
            guard let bytes = frames.first, !bytes.isEmpty else {
                if self.peer == nil { self.peer = peer } else { isClosed = true }
                continue
            }
            received += bytes
        }
    }

    /// Sends bytes if the connection takes them now.
    ///
    /// - Returns: Whether it did.
    @discardableResult
    func send(_ bytes: [UInt8]) throws(ZeroMQError) -> Bool {
        guard let peer, !isClosed else { return false }
        return try socket.send([bytes], to: peer) == .sent
    }
}
