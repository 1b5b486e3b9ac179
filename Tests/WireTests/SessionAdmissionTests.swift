import Testing

@testable import Wire

@Suite struct SessionAdmissionTests {
    private let worker: KeyPair
    private let viewer: KeyPair
    private let authenticator: Authenticator
    private let admission: SessionAdmission

    init() throws {
        worker = try KeyPair.generate()
        viewer = try KeyPair.generate()
        authenticator = try Authenticator(
            AuthorizedKeys([
                AuthorizedKey(key: worker.publicKey, role: .worker, name: "w", maximumSessions: 2),
                AuthorizedKey(key: viewer.publicKey, role: .viewer, name: "v"),
            ]))
        admission = SessionAdmission(authenticator: authenticator)
    }

    private func session(_ number: UInt64) -> SessionID { SessionID(high: 7, low: number) }

    private func peer(_ keys: KeyPair?, _ address: UInt8 = 1) -> PeerAddress {
        PeerAddress([0, address], identity: keys?.publicKey)
    }

    @Test func aSessionBelongsToTheKeyThatOpenedIt() throws {
        try admission.admit(session(1), from: peer(worker), needing: [.worker], isControl: true)
        try admission.admit(session(1), from: peer(worker, 9), needing: [.worker], isControl: false)
        #expect(throws: AdmissionRefusal.foreignSession(session(1), name: "v")) {
            try admission.admit(session(1), from: peer(viewer), needing: [.viewer], isControl: true)
        }
        #expect(throws: AdmissionRefusal.unidentified) {
            try admission.admit(session(1), from: peer(nil), needing: [.worker], isControl: true)
        }
        admission.end(session(1))
        try admission.admit(session(1), from: peer(viewer), needing: [.viewer], isControl: true)
    }

    @Test func rolesAreChecked() throws {
        #expect(throws: AdmissionRefusal.role(name: "v", role: .viewer, needed: [.submitter])) {
            try admission.admit(session(1), from: peer(viewer), needing: [.submitter], isControl: true)
        }
        #expect(throws: AdmissionRefusal.role(name: "w", role: .worker, needed: [.viewer])) {
            try admission.admit(session(1), from: peer(worker), needing: [.viewer], isControl: true)
        }
        #expect(throws: AdmissionRefusal.role(name: "v", role: .viewer, needed: [.worker, .submitter])) {
            try admission.admit(session(1), from: peer(viewer), needing: [.worker, .submitter], isControl: true)
        }
        // What was refused has opened no session.
        #expect(admission.sessionCount(of: worker.publicKey) == 0)
        try admission.admit(session(1), from: peer(viewer), needing: [.worker, .viewer], isControl: true)
        try admission.admit(session(2), from: peer(worker), needing: [.worker, .viewer], isControl: true)
    }

    @Test func sessionsPerKeyAreBoundedAndIdleOnesGiveTheirPlace() throws {
        for number in 1...2 {
            try admission.admit(
                session(UInt64(number)), from: peer(worker), needing: [.worker], isControl: true, now: .seconds(number))
        }
        #expect(throws: AdmissionRefusal.tooManySessions(name: "w", limit: 2)) {
            try admission.admit(session(3), from: peer(worker), needing: [.worker], isControl: true, now: .seconds(300))
        }
        try admission.admit(session(3), from: peer(worker), needing: [.worker], isControl: true, now: .seconds(301))
        #expect(admission.sessionCount(of: worker.publicKey) == 2)
        #expect(throws: AdmissionRefusal.self) {
            try admission.admit(session(1), from: peer(worker), needing: [.worker], isControl: true, now: .seconds(301))
        }
    }

    @Test func revokedKeysAreRefusedAndTheirSessionsEnd() throws {
        try admission.admit(session(2), from: peer(worker, 5), needing: [.worker], isControl: true)
        try admission.admit(session(1), from: peer(worker, 6), needing: [.worker], isControl: false)
        try admission.admit(session(3), from: peer(viewer), needing: [.viewer], isControl: true)
        let rest = AuthorizedKeys([AuthorizedKey(key: viewer.publicKey, role: .viewer, name: "v")])
        let change = authenticator.update(rest)
        #expect(change.revoked == [worker.publicKey])
        // Before anybody has ended the sessions, too.
        #expect(throws: AdmissionRefusal.revoked(worker.publicKey)) {
            try admission.admit(session(2), from: peer(worker, 5), needing: [.worker], isControl: true)
        }
        let reason = AdmissionRefusal.revoked(worker.publicKey)
        #expect(
            admission.endRevoked(change.revoked) == [
                SessionAdmission.EndedSession(session: session(1), peer: nil, reason: reason),
                SessionAdmission.EndedSession(session: session(2), peer: peer(worker, 5), reason: reason),
            ])
        #expect(admission.endRevoked(change.revoked) == [])
        try admission.admit(session(3), from: peer(viewer), needing: [.viewer], isControl: true)
    }

    @Test func withoutEncryptionEverybodyHereMayDoEverything() throws {
        let open = SessionAdmission(authenticator: nil)
        for role in PeerRole.allCases {
            #expect(try open.admit(session(1), from: peer(nil), needing: [role], isControl: true) == nil)
        }
    }
}
