internal import Dispatch
internal import Synchronization

/// Decides which keys may connect: answers the library's authentication requests (ZAP, ZeroMQ RFC 27) on a thread.
///
/// Once one is made, it answers: its socket is bound, so that no server socket can be bound before. Without an answer,
/// or after the authenticator's thread has ended, the library refuses every client.
///
/// A handshake is the only time it is asked. A key that is removed keeps its connections, so whoever serves them asks
/// `SessionAdmission` about every message.
public final class Authenticator: Sendable {
    /// The domain in which all server sockets are.
    static let domain = "tare"

    let context: ZeroMQContext
    private let state: AuthenticatorState
    private let mailbox: Mailbox<Void>
    private let thread: ServiceThread

    /// Starts an authenticator.
    ///
    /// - Parameters:
    ///   - keys: Who may connect.
    ///   - report: Told of refusals, at most once a second, on the authenticator's thread.
    /// - Throws: `ZeroMQError` when its socket or thread cannot be made.
    public init(
        _ keys: AuthorizedKeys, report: @escaping @Sendable (Refusal) -> Void = { _ in }
    ) throws(ZeroMQError) {
        // One thread for control messages, one for data: encrypting blobs must not delay a heartbeat.
        let context = try ZeroMQContext(threads: 2)
        let state = AuthenticatorState(keys, report: report)
        let mailbox = try Mailbox<Void>()
        let binding = Mutex<ZeroMQError?>(nil)
        let isBound = DispatchSemaphore(value: 0)
        thread = ServiceThread(name: "tare-keys") {
            do throws(ZeroMQError) {
                let server: AuthenticationServer
                do throws(ZeroMQError) {
                    server = try AuthenticationServer(context: context, state: state)
                } catch {
                    binding.withLock { $0 = error }
                    isBound.signal()
                    return
                }
                isBound.signal()
                try server.run(mailbox)
            } catch {
                // From now on the library refuses everybody.
                state.fail(error)
            }
        }
        isBound.wait()
        self.context = context
        self.state = state
        self.mailbox = mailbox
        if let error = binding.withLock({ $0 }) { throw error }
    }

    deinit {
        mailbox.post(())
    }

    /// The options that make a socket a server with these keys, whose clients this authenticator admits.
    public func security(for keys: KeyPair) -> ServerSecurity {
        ServerSecurity(keys: keys, authenticator: self)
    }

    /// Who may connect.
    public var authorizedKeys: AuthorizedKeys { state.keys }

    /// Replaces the allow list.
    ///
    /// - Returns: What changed; the sessions of revoked keys must be ended (`SessionAdmission.endRevoked`).
    public func update(_ keys: AuthorizedKeys) -> AuthorizedKeys.Change {
        state.replace(keys)
    }

    /// Why the authenticator's thread broke off, after which everybody is refused; `nil` while it runs.
    public var failure: ZeroMQError? { state.failure }

    /// Connections admitted so far.
    public var admittedCount: Int { state.admittedCount }

    /// Connections refused so far, by reason.
    public var refusals: [Refusal.Reason: Int] { state.refusals }

    /// Refuses a key of the start-up test without counting or reporting it.
    func expectRefusal(of key: PublicKey) {
        state.expectRefusal(of: key)
    }

    /// Whether an expected key was refused since.
    func hasRefused(_ key: PublicKey) -> Bool {
        state.hasRefused(key)
    }
}
