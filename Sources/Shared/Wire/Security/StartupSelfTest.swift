/// Makes sure, before anybody is served, that a coordinator refuses strangers.
public enum StartupSelfTest {
    /// Tries to connect with a key that is not allowed, with a wrong server key, and without encryption.
    ///
    /// - Parameters:
    ///   - endpoint: Where the coordinator listens, in this process.
    ///   - security: Its keys.
    ///   - timeout: How long it may take to refuse.
    /// - Throws: `SecurityError.selfTest` unless all three are refused, the first by the authenticator.
    public static func run(
        _ endpoint: Endpoint, security: ServerSecurity, timeout: Duration = .seconds(10)
    ) throws(SecurityError) {
        let stranger = try KeyPair.generate()
        let right = ClientSecurity(keys: stranger, serverKey: security.publicKey)
        let wrong = ClientSecurity(keys: try KeyPair.generate(), serverKey: try KeyPair.generate().publicKey)
        security.authenticator.expectRefusal(of: stranger.publicKey)
        let attempts: [Attempt]
        do throws(ZeroMQError) {
            let here = try endpoint.reachableHere
            attempts = [
                try Attempt("a key that is not allowed", here, .client(right)),
                try Attempt("a wrong server key", here, .client(wrong)),
                try Attempt("no encryption", here, .unprotected),
            ]
            try carryOut(attempts, timeout: timeout)
        } catch {
            throw .selfTest(endpoint: endpoint.text, reason: "\(error)")
        }
        try judge(attempts, at: endpoint)
        guard security.authenticator.hasRefused(stranger.publicKey) else {
            throw .selfTest(
                endpoint: endpoint.text, reason: "another process listens there, or nobody asks the allow list")
        }
    }

    private static func carryOut(_ attempts: [Attempt], timeout: Duration) throws(ZeroMQError) {
        let end = MonotonicClock.now + timeout
        while attempts.contains(where: { $0.outcome == nil }) {
            let left = end - MonotonicClock.now
            guard left > .zero else { return }
            _ = try ZeroMQSocket.wait(attempts.map { ($0.socket, false) }, descriptors: [], timeout: left)
            for attempt in attempts { try attempt.note() }
        }
    }

    private static func judge(_ attempts: [Attempt], at endpoint: Endpoint) throws(SecurityError) {
        if let accepted = attempts.first(where: { $0.outcome == .succeeded }) {
            throw .selfTest(endpoint: endpoint.text, reason: "\(accepted.name) is accepted")
        }
        for (index, attempt) in attempts.enumerated() {
            let fault: String? =
                switch attempt.outcome {
                case .succeeded: nil
                case nil: "\(attempt.name) is not refused in time"
                case .failed(let failure):
                    index == 0 && failure != .notAllowed ? "\(attempt.name): \(failure.rawValue)" : nil
                }
            if let fault { throw .selfTest(endpoint: endpoint.text, reason: fault) }
        }
    }

    private final class Attempt {
        let name: String
        let socket: ZeroMQSocket
        private(set) var outcome: HandshakeOutcome?

        init(_ name: String, _ endpoint: Endpoint, _ security: SocketSecurity) throws(ZeroMQError) {
            self.name = name
            socket = try ZeroMQSocket(.dealer, .control, security: security)
            try socket.monitorHandshakes()
            // Also without encryption to another address of this machine: nothing is sent.
            try socket.connect(name: endpoint.text)
        }

        /// A success is the worst that can be said of an attempt, so nothing that follows hides it.
        func note() throws(ZeroMQError) {
            while let next = try socket.nextHandshake() {
                if outcome != .succeeded { outcome = next }
            }
        }
    }
}
