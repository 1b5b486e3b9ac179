internal import Wire

/// What serves on a router socket of the coordinator.
protocol SocketServer: SocketLoopHandler, SendableMetatype {
    /// Sends a packet; set before the loop runs.
    var send: (Packet, PeerAddress) throws -> Void { get set }
    /// Who may say what.
    var access: ClusterAccess { get }
}

extension SocketServer {
    func handshakeEnded(_ outcome: HandshakeOutcome) {
        access.note(outcome)
    }
}

extension BindingSignal {
    /// Starts a thread that binds a router socket, tells this signal where, and serves until the server is finished.
    ///
    /// - Parameters:
    ///   - name: Name of the thread.
    ///   - options: Limits of the socket.
    ///   - security: The socket's keys.
    ///   - mailbox: What other threads ask of the server.
    ///   - bind: Binds the socket; returns where.
    ///   - server: Makes the server, on its thread.
    ///   - failed: Told why serving broke off.
    /// - Returns: The thread, which runs.
    func serve<Server: SocketServer>(
        name: String, options: ZeroMQSocket.Options, security: SocketSecurity, mailbox: Mailbox<Server.Command>,
        bind: @escaping @Sendable (ZeroMQSocket) throws -> Endpoint, server: @escaping @Sendable () throws -> Server,
        failed: @escaping @Sendable (String) -> Void
    ) -> ServiceThread {
        ServiceThread(name: name) {
            self.run {
                let socket = try ZeroMQSocket(.router, options, security: security)
                if security.isEncrypted { try socket.monitorHandshakes() }
                let bound = try bind(socket)
                let server = try server()
                let loop = SocketLoop<Server>(socket: socket, mailbox: mailbox, isRouter: true)
                server.send = { packet, peer in try loop.send(packet, to: peer) }
                return (bound, { _ = try loop.run(server) })
            } failed: {
                failed($0)
            }
        }
    }
}
