internal import Synchronization

/// Why a message is not let through.
public enum AdmissionRefusal: Error, Sendable, Hashable {
    /// The connection has no key although the coordinator demands one.
    case unidentified
    /// The key is not allowed any more.
    case revoked(PublicKey)
    /// The key's role does not allow this.
    case role(name: String, role: PeerRole, needed: [PeerRole])
    /// Another key opened the session.
    case foreignSession(SessionID, name: String)
    /// Too many sessions use the key.
    case tooManySessions(name: String, limit: Int)

    /// Whether the same peer may succeed later without anybody changing something.
    public var isTemporary: Bool {
        if case .tooManySessions = self { return true }
        return false
    }
}

extension AdmissionRefusal: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .unidentified: "The connection has no key; connect with --key and --server-key"
        case .revoked(let key):
            "The key \(key) is not in the coordinator's allow list any more; add it and send SIGHUP, or use another key"
        case .role(let name, let role, let needed):
            "The key of \(name) has the role \(role.rawValue), and this needs "
                + "\(needed.map(\.rawValue).joined(separator: " or ")); use another key, or change "
                + "the role in the allow list and send SIGHUP"
        case .foreignSession(let session, let name):
            "The session \(session) belongs to another key than that of \(name); a new session is needed"
        case .tooManySessions(let name, let limit):
            "The key of \(name) has \(limit) sessions already; end some, or raise max-sessions in the allow list"
        }
    }
}

/// Lets messages through: whether the key behind a connection may still talk, may do this, and opened the session.
///
/// Shared by the control and the data socket of a coordinator. A session belongs to the key that first used it, on either
/// socket; its 128 bits are random, so nobody else can be first.
public final class SessionAdmission: Sendable {
    /// A session that must end because its key may not talk any more.
    public struct EndedSession: Sendable, Hashable {
        /// The session.
        public var session: SessionID
        /// Where its peer was last heard on the control socket.
        public var peer: PeerAddress?
        /// Why.
        public var reason: AdmissionRefusal
    }

    fileprivate struct Owner {
        var key: PublicKey
        var controlPeer: PeerAddress?
        var lastHeard: Duration
    }

    fileprivate struct Content {
        var owners: [SessionID: Owner] = [:]
        var counts: [PublicKey: Int] = [:]
    }

    /// Silence after which a session gives its place to another of the same key: several times a worker's lease.
    static let idleTime: Duration = .seconds(300)

    private let authenticator: Authenticator?
    private let content = Mutex(Content())

    /// Makes an admission.
    ///
    /// - Parameter authenticator: Who may talk; `nil` for unprotected sockets, whose peers may do everything.
    public init(authenticator: Authenticator?) {
        self.authenticator = authenticator
    }

    /// Lets a message through, or says why not.
    ///
    /// - Parameters:
    ///   - session: The session that the message names.
    ///   - peer: Where it came from.
    ///   - roles: What it takes to say it: any of these.
    ///   - isControl: Whether it came on the control socket.
    ///   - now: The time.
    /// - Returns: The sender's entry of the allow list; `nil` on unprotected sockets.
    /// - Throws: `AdmissionRefusal`; the message must then change nothing.
    @discardableResult
    public func admit(
        _ session: SessionID, from peer: PeerAddress, needing roles: [PeerRole], isControl: Bool,
        now: Duration = MonotonicClock.now
    ) throws(AdmissionRefusal) -> AuthorizedKey? {
        guard let authenticator else { return nil }
        guard let key = peer.identity else { throw .unidentified }
        guard let entry = authenticator.authorizedKeys[key] else { throw .revoked(key) }
        guard roles.contains(where: entry.role.permits) else {
            throw .role(name: entry.name, role: entry.role, needed: roles)
        }
        let refusal = content.withLock { content -> AdmissionRefusal? in
            if var owner = content.owners[session] {
                guard owner.key == key else { return .foreignSession(session, name: entry.name) }
                owner.lastHeard = now
                if isControl { owner.controlPeer = peer }
                content.owners[session] = owner
                return nil
            }
            if content.counts[key, default: 0] >= entry.maximumSessions { content.forgetIdle(key, now: now) }
            guard content.counts[key, default: 0] < entry.maximumSessions else {
                return .tooManySessions(name: entry.name, limit: entry.maximumSessions)
            }
            content.owners[session] = Owner(key: key, controlPeer: isControl ? peer : nil, lastHeard: now)
            content.counts[key, default: 0] += 1
            return nil
        }
        if let refusal { throw refusal }
        return entry
    }

    /// Forgets a session that has ended.
    public func end(_ session: SessionID) {
        content.withLock { $0.remove(session) }
    }

    /// Forgets the sessions of keys that were revoked.
    ///
    /// - Returns: The sessions, in order; whoever serves them tells their peers and gives their work to others.
    public func endRevoked(_ keys: [PublicKey]) -> [EndedSession] {
        let revoked = Set(keys)
        return content.withLock { content in
            let ended = content.owners.filter { revoked.contains($0.value.key) }.sorted { $0.key < $1.key }
            for (session, _) in ended { content.remove(session) }
            return ended.map { session, owner in
                EndedSession(session: session, peer: owner.controlPeer, reason: .revoked(owner.key))
            }
        }
    }

    /// How many sessions use a key.
    public func sessionCount(of key: PublicKey) -> Int {
        content.withLock { $0.counts[key, default: 0] }
    }
}

extension SessionAdmission.Content {
    fileprivate mutating func remove(_ session: SessionID) {
        guard let owner = owners.removeValue(forKey: session) else { return }
        let count = counts[owner.key, default: 0] - 1
        counts[owner.key] = count > 0 ? count : nil
    }

    fileprivate mutating func forgetIdle(_ key: PublicKey, now: Duration) {
        let idle = owners.filter { $0.value.key == key && $0.value.lastHeard + SessionAdmission.idleTime <= now }
        for session in idle.keys { remove(session) }
    }
}
