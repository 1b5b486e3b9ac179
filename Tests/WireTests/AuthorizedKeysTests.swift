import Foundation
import TestSupport
import Testing

@testable import Wire

@Suite struct AuthorizedKeysTests {
    private static let keys = try? (0..<3).map { _ in try KeyPair.generate().publicKey }

    @Test func linesCommentsAndOptions() throws {
        let keys = try #require(Self.keys)
        let list = try AuthorizedKeys(
            text: """
                # Who may talk to us.
                #another comment

                \(keys[0]) worker node-a
                \t\(keys[1])  submitter   alice@desk max-sessions=2   # until June
                \(keys[2]) viewer dashboard # max-sessions=7
                #\(keys[2]) worker old
                """, path: "keys")
        #expect(
            list.entries == [
                AuthorizedKey(key: keys[1], role: .submitter, name: "alice@desk", maximumSessions: 2),
                AuthorizedKey(key: keys[2], role: .viewer, name: "dashboard"),
                AuthorizedKey(key: keys[0], role: .worker, name: "node-a"),
            ])
        #expect(list[keys[0]]?.name == "node-a")
        #expect(try list[KeyPair.generate().publicKey] == nil)
        #expect(try AuthorizedKeys(text: "", path: "keys").entries == [])
    }

    @Test func whatIsWrongIsNamedWithItsLine() throws {
        let keys = try #require(Self.keys)
        let cases: [(text: String, line: Int, word: String)] = [
            ("nonsense", 1, "KEY ROLE NAME"), ("\(keys[0])", 1, "KEY ROLE NAME"),
            ("\(keys[0]) worker", 1, "KEY ROLE NAME"),
            ("# x\n\(keys[0]) worker # a name is missing", 2, "KEY ROLE NAME"),
            ("\n\nshort worker a", 3, "'short' is no key"),
            ("\(keys[0])0 worker a", 1, "is no key"),
            ("\(String(repeating: "~", count: 40)) worker a", 1, "is no key"),
            ("\(String(repeating: "#", count: 40)) worker a", 1, "reads like a comment"),
            ("\(keys[0]) root a", 1, "'root' is no role; the roles are worker, submitter, viewer"),
            ("\(keys[0]) Worker a", 1, "'Worker' is no role"),
            ("\(keys[0]) worker a/b", 1, "'a/b' is no name"),
            ("\(keys[0]) worker \(String(repeating: "a", count: 65))", 1, "is no name"),
            ("\(keys[0]) worker n\u{e4}me", 1, "is no name"),
            ("\(keys[0]) worker a max-sessions=0", 1, "is no option"),
            ("\(keys[0]) worker a max-sessions=99999999999999999999", 1, "is no option"),
            ("\(keys[0]) worker a max-sessions=1 max-sessions=2", 1, "is no option"),
            ("\(keys[0]) worker a expires=never", 1, "'expires=never' is no option"),
            ("\(keys[0]) worker a\n\(keys[0]) viewer b", 2, "in line 1 already"),
            ("\(keys[0]) worker a\n\(keys[1]) viewer a", 2, "'a' is in line 1 already"),
        ]
        for (text, line, word) in cases {
            let error = #expect(throws: SecurityError.self) { try AuthorizedKeys(text: text, path: "dir/keys") }
            let description = error?.description ?? ""
            #expect(
                description.hasPrefix("dir/keys:\(line): ") && description.contains(word), "\(text): \(description)")
        }
    }

    @Test func aListThatOthersCanChangeIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.url.path)/authorized_keys"
        try KeyFile.create(path, .published, text: "# nobody\n")
        #expect(try AuthorizedKeys(path: path).entries == [])
        try folder.setMode(0o666, of: "authorized_keys")
        #expect(throws: SecurityError.file(path: path, .modes(found: 0o666, allowed: 0o644))) {
            try AuthorizedKeys(path: path)
        }
        #expect(throws: SecurityError.file(path: "\(path).not", .missing)) { try AuthorizedKeys(path: "\(path).not") }
    }

    @Test func changesNameWhoIsNewAndWhoIsRevoked() throws {
        let keys = try #require(Self.keys).sorted()
        func entry(_ index: Int, _ role: PeerRole, sessions: Int = 3) -> AuthorizedKey {
            AuthorizedKey(key: keys[index], role: role, name: "n\(index)", maximumSessions: sessions)
        }
        let old = AuthorizedKeys([entry(0, .worker), entry(1, .worker)])
        #expect(old.change(to: old) == AuthorizedKeys.Change(added: [], revoked: []))
        #expect(
            old.change(to: AuthorizedKeys([entry(1, .viewer), entry(2, .worker)]))
                == AuthorizedKeys.Change(added: [keys[2]], revoked: [keys[0], keys[1]]))
        // Another limit or name ends no session.
        #expect(
            old.change(to: AuthorizedKeys([entry(0, .worker, sessions: 9), entry(1, .worker)]))
                == AuthorizedKeys.Change(added: [], revoked: []))
    }

    @Test func rolesPermitWhatTheySay() {
        let permitted = PeerRole.allCases.map { role in PeerRole.allCases.map { role.permits($0) } }
        #expect(permitted == [[true, false, false], [false, true, true], [false, false, true]])
    }
}
