/// What the owner of a key may do.
public enum PeerRole: String, Sendable, Hashable, CaseIterable {
    /// Computes shards.
    case worker
    /// Submits, cancels and drains, and looks.
    case submitter
    /// Looks.
    case viewer

    /// Whether this role allows what `needed` allows.
    public func permits(_ needed: PeerRole) -> Bool {
        self == needed || (self == .submitter && needed == .viewer)
    }
}

/// One entry of the allow list.
public struct AuthorizedKey: Sendable, Hashable {
    /// Who.
    public var key: PublicKey
    /// What the owner may do.
    public var role: PeerRole
    /// What the owner is called in logs.
    public var name: String
    /// How many sessions may use the key at a time.
    public var maximumSessions: Int

    /// Makes an entry.
    public init(
        key: PublicKey, role: PeerRole, name: String, maximumSessions: Int = AuthorizedKeys.defaultMaximumSessions
    ) {
        self.key = key
        self.role = role
        self.name = name
        self.maximumSessions = maximumSessions
    }
}

extension AuthorizedKey: CustomStringConvertible {
    /// The line of the allow list.
    public var description: String {
        let limit = maximumSessions == AuthorizedKeys.defaultMaximumSessions ? "" : " max-sessions=\(maximumSessions)"
        return "\(key) \(role.rawValue) \(name)\(limit)"
    }
}

/// The allow list, which says who may talk to a coordinator.
///
/// `docs/security.md` has the file's format.
public struct AuthorizedKeys: Sendable, Hashable {
    /// Sessions per key where the list does not say: one key may serve a whole cluster.
    public static let defaultMaximumSessions = 1024
    /// The most sessions that a line may allow.
    public static let maximumSessions = 65_536
    /// Characters of the longest name.
    static let nameCharacters = 64

    /// What differs between two lists.
    public struct Change: Sendable, Hashable {
        /// Keys that are new.
        public var added: [PublicKey]
        /// Keys that were removed or may do something else now: their sessions must end.
        public var revoked: [PublicKey]

        /// Describes a change.
        public init(added: [PublicKey] = [], revoked: [PublicKey] = []) {
            self.added = added
            self.revoked = revoked
        }
    }

    private var byKey: [PublicKey: AuthorizedKey] = [:]

    /// Makes a list.
    ///
    /// - Precondition: No key is in it twice.
    public init(_ entries: [AuthorizedKey] = []) {
        for entry in entries {
            precondition(byKey.updateValue(entry, forKey: entry.key) == nil, "\(entry.name) is in the list twice")
        }
    }

    /// Reads a list from a file.
    ///
    /// - Throws: `SecurityError` that names the file, the line and the reason; also when others could change the file.
    public init(path: String) throws(SecurityError) {
        try self.init(text: KeyFile.read(path, .published), path: path)
    }

    /// Reads a list.
    ///
    /// - Parameters:
    ///   - text: The lines.
    ///   - path: What to call it in errors.
    /// - Throws: `SecurityError` that names the line and the reason.
    public init(text: String, path: String) throws(SecurityError) {
        var lineOfKey: [PublicKey: Int] = [:]
        var lineOfName: [String: Int] = [:]
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (number, line) in zip(1..., lines) {
            let entry: AuthorizedKey?
            do throws(LineError) {
                entry = try Self.entry(line)
                guard let entry else { continue }
                if let other = lineOfKey.updateValue(number, forKey: entry.key) {
                    throw LineError("the key is in line \(other) already; a key has one role")
                }
                if let other = lineOfName.updateValue(number, forKey: entry.name) {
                    throw LineError("the name '\(entry.name)' is in line \(other) already; choose another")
                }
                byKey[entry.key] = entry
            } catch {
                throw .authorizedKeys(path: path, line: number, reason: error.reason)
            }
        }
    }

    /// The entries, by name.
    public var entries: [AuthorizedKey] { byKey.values.sorted { $0.name < $1.name } }

    /// The entry of a key; `nil` for a stranger.
    public subscript(key: PublicKey) -> AuthorizedKey? { byKey[key] }

    /// This list with one more entry, in place of one with the same key.
    public func adding(_ entry: AuthorizedKey) -> AuthorizedKeys {
        var copy = self
        copy.byKey[entry.key] = entry
        return copy
    }

    /// What differs in a newer list.
    public func change(to newer: AuthorizedKeys) -> Change {
        Change(
            added: newer.byKey.keys.filter { byKey[$0] == nil }.sorted(),
            revoked: byKey.values.filter { newer.byKey[$0.key]?.role != $0.role }.map(\.key).sorted())
    }

    private struct LineError: Error {
        var reason: String

        init(_ reason: String) {
            self.reason = reason
        }
    }

    /// Reads `KEY ROLE NAME [max-sessions=N]`; `nil` for an empty line or a comment.
    private static func entry(_ line: Substring) throws(LineError) -> AuthorizedKey? {
        var words = line.split { $0 == " " || $0 == "\t" }
        guard let first = words.first else { return nil }
        guard !first.hasPrefix("#") else {
            if first.utf8.count == PublicKey.characters, words.count > 1, PeerRole(rawValue: String(words[1])) != nil {
                throw LineError("a key that begins with # reads like a comment; make new keys with 'tare keygen'")
            }
            return nil
        }
        if let comment = words.firstIndex(where: { $0.hasPrefix("#") }) { words.removeSubrange(comment...) }
        guard words.count >= 3 else { throw LineError("a line is: KEY ROLE NAME [max-sessions=N]") }
        let key: PublicKey
        do {
            key = try PublicKey(String(first))
        } catch {
            throw LineError(error.description)
        }
        guard let role = PeerRole(rawValue: String(words[1])) else {
            let roles = PeerRole.allCases.map(\.rawValue).joined(separator: ", ")
            throw LineError("'\(words[1])' is no role; the roles are \(roles)")
        }
        let name = String(words[2])
        guard isName(name) else {
            throw LineError(
                "'\(name)' is no name: it has 1 to \(nameCharacters) letters, digits, '.', '_', '-', '@' of ASCII")
        }
        var entry = AuthorizedKey(key: key, role: role, name: name)
        for (index, option) in words[3...].enumerated() {
            guard index == 0, option.hasPrefix("max-sessions="),
                let count = Int(option.dropFirst("max-sessions=".count)), (1...maximumSessions).contains(count)
            else {
                throw LineError(
                    "'\(option)' is no option; there is max-sessions=N, once, with N from 1 to \(maximumSessions)")
            }
            entry.maximumSessions = count
        }
        return entry
    }

    /// Whether a text can be the name of a key's owner.
    public static func isName(_ text: String) -> Bool {
        (1...nameCharacters).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: [".", "_", "-", "@"].contains(Character(Unicode.Scalar(byte)))
                }
            }
    }
}
