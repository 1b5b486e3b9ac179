internal import Foundation
internal import Synchronization
public import Wire

/// Who may reach a coordinator: its keys, its allow list, and the checks that go with them.
///
/// Made by whoever starts the coordinator, who can also have it read the allow list again.
public final class ClusterAccess: Sendable {
    /// What reading the allow list again led to.
    public struct Reload: Sendable {
        /// What changed.
        public var change: AuthorizedKeys.Change
        /// The sessions that end because their keys were revoked.
        public var ended: [SessionAdmission.EndedSession]
    }

    private struct Observers {
        var refused: @Sendable (Refusal) -> Void = { _ in }
        var revoked: @Sendable ([SessionAdmission.EndedSession]) -> Void = { _ in }
        var handshakeFailures: [HandshakeFailure: Int] = [:]
    }

    /// The protection of the coordinator's sockets.
    public let security: SocketSecurity
    /// Decides on every message.
    public let admission: SessionAdmission
    private let authenticator: Authenticator?
    private let authorizedKeysFile: String?
    private let localWorkers: (keys: KeyPair, entry: AuthorizedKey)?
    private let observers = Mutex(Observers())

    /// Access without keys, for endpoints that only this machine can reach.
    public init() {
        security = .unprotected
        admission = SessionAdmission(authenticator: nil)
        authenticator = nil
        authorizedKeysFile = nil
        localWorkers = nil
    }

    /// Access with keys.
    ///
    /// - Parameters:
    ///   - keys: The coordinator's keys.
    ///   - authorizedKeysFile: The allow list.
    /// - Throws: `SecurityError` that names what is wrong with the list, `ZeroMQError` when there are no file descriptors.
    public convenience init(keys: KeyPair, authorizedKeysFile: String) throws {
        try self.init(keys: keys, list: AuthorizedKeys(path: authorizedKeysFile), file: authorizedKeysFile)
    }

    /// Access with keys of this run that nobody else knows: only workers that the coordinator starts itself may join.
    ///
    /// - Throws: `SecurityError` when libzmq cannot encrypt, `ZeroMQError` when there are no file descriptors.
    public static func withFreshKeys() throws -> ClusterAccess {
        try ClusterAccess(keys: KeyPair.generate(), list: AuthorizedKeys(), file: nil)
    }

    private init(keys: KeyPair, list: AuthorizedKeys, file authorizedKeysFile: String?) throws {
        let localKeys = try KeyPair.generate()
        let entry = AuthorizedKey(key: localKeys.publicKey, role: .worker, name: "local-workers")
        let reports = ReportRelay()
        let authenticator = try Authenticator(list.adding(entry)) { reports.report($0) }
        security = .server(authenticator.security(for: keys))
        admission = SessionAdmission(authenticator: authenticator)
        self.authenticator = authenticator
        self.authorizedKeysFile = authorizedKeysFile
        localWorkers = (localKeys, entry)
        reports.access.withLock { $0.value = self }
    }

    /// The key by which workers know the coordinator; `nil` without keys.
    public var publicKey: PublicKey? {
        guard case .server(let server) = security else { return nil }
        return server.publicKey
    }

    /// Connections refused by the allow list so far, by reason.
    public var refusals: [Refusal.Reason: Int] { authenticator?.refusals ?? [:] }

    /// Handshakes that failed so far, by reason; those refused by the allow list are among them.
    public var handshakeFailures: [HandshakeFailure: Int] { observers.withLock { $0.handshakeFailures } }

    /// Why nobody is admitted any more: a fault of the machine; `nil` while all is well.
    public var failure: ZeroMQError? { authenticator?.failure }

    /// Reads the allow list again; the sessions of keys that are gone, or have another role, end.
    ///
    /// - Throws: `SecurityError` that names what is wrong with the list; the old one then stays in force.
    @discardableResult
    public func reload() throws(SecurityError) -> Reload {
        guard let authenticator, let authorizedKeysFile, let localWorkers else {
            return Reload(change: AuthorizedKeys.Change(), ended: [])
        }
        let list = try AuthorizedKeys(path: authorizedKeysFile).adding(localWorkers.entry)
        let change = authenticator.update(list)
        let ended = admission.endRevoked(change.revoked)
        if !ended.isEmpty { observers.withLock { $0.revoked }(ended) }
        return Reload(change: change, ended: ended)
    }

    /// Sets who is told of refused connections and ended sessions, on any thread.
    func observe(
        refused: @escaping @Sendable (Refusal) -> Void,
        revoked: @escaping @Sendable ([SessionAdmission.EndedSession]) -> Void
    ) {
        observers.withLock {
            $0.refused = refused
            $0.revoked = revoked
        }
    }

    /// Makes sure that strangers are refused at the coordinator's endpoints; nothing to do without keys.
    ///
    /// - Throws: `SecurityError.selfTest`; the coordinator must then not serve.
    func verify(_ endpoints: [Endpoint]) throws(SecurityError) {
        guard case .server(let server) = security else { return }
        for endpoint in endpoints { try StartupSelfTest.run(endpoint, security: server) }
    }

    /// Writes the keys of workers on this machine into a private folder.
    ///
    /// - Returns: The arguments that tell `tare worker` where they are; none without keys.
    func localWorkerArguments(in directory: URL) throws(SecurityError) -> [String] {
        guard let localWorkers, let publicKey else { return [] }
        let paths = try KeyFile.write(localWorkers.keys, name: directory.appending(path: "worker").path)
        return ["--key", paths.secret, "--server-key", publicKey.text]
    }

    /// Counts a handshake that failed.
    func note(_ outcome: HandshakeOutcome) {
        guard case .failed(let failure) = outcome else { return }
        observers.withLock { $0.handshakeFailures[failure, default: 0] += 1 }
    }

    fileprivate func report(_ refusal: Refusal) {
        observers.withLock { $0.refused }(refusal)
    }
}

/// Hands reports to an access that is still being made when the authenticator starts.
private final class ReportRelay: Sendable {
    struct Target {
        weak var value: ClusterAccess?
    }

    let access = Mutex(Target())

    func report(_ refusal: Refusal) {
        access.withLock { $0.value }?.report(refusal)
    }
}

extension ClusterAccess {
    /// Proves that strangers are refused, and tells of those that are; before anybody is told where to connect.
    ///
    /// - Parameters:
    ///   - endpoints: Where the coordinator listens.
    ///   - control: Told which sessions end when the allow list is read again.
    ///   - notify: Told who was refused.
    /// - Throws: `SecurityError` or `ZeroMQError` when a stranger could come in.
    func begin(
        at endpoints: [Endpoint], control: Mailbox<ControlServer.Command>,
        notify: @escaping @Sendable (ClusterNotice) -> Void
    ) throws {
        try verify(endpoints)
        observe(refused: { notify(.refusedConnection(text: $0.description)) }, revoked: { control.post(.revoked($0)) })
    }
}
