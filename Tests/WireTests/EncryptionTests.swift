import Synchronization
import Testing

@testable import Wire

/// Who gets in, over real sockets on loopback.
@Suite(.timeLimit(.minutes(2))) struct EncryptionTests {
    @Test func anAllowedKeyIsServedUnderItsIdentity() throws {
        let (first, second) = (try KeyPair.generate(), try KeyPair.generate())
        let server = try TestServer(allowing: [first, second])
        let clients = [try server.client(first), try server.client(second)]
        #expect(try server.run(clients) { server.messages.count == 2 })
        #expect(Set(server.messages.map(\.peer.identity)) == [first.publicKey, second.publicKey])
        for message in server.messages {
            #expect(message.frames == [Array("hello".utf8)])
            #expect(try server.socket.send([[1, 2, 3]], to: message.peer) == .sent)
        }
        #expect(try server.run(clients) { clients.allSatisfy { $0.messages == [[[1, 2, 3]]] } })
        #expect(server.authenticator.admittedCount == 2 && server.authenticator.refusals == [:])
        #expect(server.handshakes == [.succeeded, .succeeded])
    }

    @Test func anUnknownKeyIsRefusedAndFindsOut() throws {
        let (allowed, stranger) = (try KeyPair.generate(), try KeyPair.generate())
        let reports = Mutex<[Refusal]>([])
        let server = try TestServer(allowing: [allowed]) { refusal in reports.withLock { $0.append(refusal) } }
        let client = try server.client(stranger)
        #expect(try server.run([client]) { client.hasFailed })
        #expect(client.handshakes == [.failed(.notAllowed)])
        let report = try #require(reports.withLock { $0.first })
        #expect(report.key == stranger.publicKey && report.address == "127.0.0.1")
        #expect(report.description.contains("'\(stranger.publicKey) worker NAME'"))
        // Whoever is allowed gets through after the stranger, whose message never comes.
        let friend = try server.client(allowed)
        #expect(try server.run([client, friend]) { server.messages.count >= 1 })
        #expect(server.messages.map(\.peer.identity) == [allowed.publicKey])
        #expect(server.authenticator.refusals == [.unknownKey: 1])
        var judge = HandshakeJudge(
            endpoint: server.endpoint,
            security: .client(ClientSecurity(keys: stranger, serverKey: server.keys.publicKey)))
        let refusal = try #require(try judge.note(.failed(.notAllowed)))
        #expect(refusal.description.contains("add the line '\(stranger.publicKey) worker NAME'"))
    }

    @Test func aWrongServerKeyIsFoundOut() throws {
        let (keys, wrong) = (try KeyPair.generate(), try KeyPair.generate().publicKey)
        let server = try TestServer(allowing: [keys])
        let client = try server.client(keys, serverKey: wrong)
        #expect(try server.run([client]) { client.handshakes.count >= 3 })
        #expect(client.handshakes.allSatisfy { $0 == .failed(.closed) } && server.messages.isEmpty)
        #expect(server.handshakes.contains(.failed(.cryptography)))
        var judge = HandshakeJudge(
            endpoint: server.endpoint, security: .client(ClientSecurity(keys: keys, serverKey: wrong)))
        #expect(try judge.note(client.handshakes[0]) == nil)
        #expect(try judge.note(client.handshakes[1]) == nil)
        #expect(try judge.note(client.handshakes[2])?.reason == .serverKey(expected: wrong))
    }

    @Test func aClientWithoutEncryptionIsRefusedAndFindsOut() throws {
        let keys = try KeyPair.generate()
        let server = try TestServer(allowing: [keys])
        let client = try TestClient(server.endpoint, .unprotected)
        var judge = HandshakeJudge(endpoint: server.endpoint, security: .unprotected)
        var refusal: ServerRefusal?
        var seen = 0
        #expect(
            try server.run([client]) {
                while seen < client.handshakes.count, refusal == nil {
                    refusal = try? judge.note(client.handshakes[seen])
                    seen += 1
                }
                return refusal != nil
            })
        #expect(refusal?.reason == .clientUnprotected && server.messages.isEmpty)
    }

    @Test func aServerWithoutEncryptionIsRefusedByTheClient() throws {
        let keys = try KeyPair.generate()
        let server = try ZeroMQSocket(.router, .control)
        let endpoint = try server.bind(Endpoint("tcp://127.0.0.1:*"))
        let security = SocketSecurity.client(ClientSecurity(keys: keys, serverKey: keys.publicKey))
        let client = try TestClient(endpoint, security)
        var judge = HandshakeJudge(endpoint: endpoint, security: security)
        var refusal: ServerRefusal?
        var seen = 0
        let end = MonotonicClock.now + .seconds(20)
        while refusal == nil, MonotonicClock.now < end {
            _ = try ZeroMQSocket.wait([(client.socket, false)], descriptors: [], timeout: .seconds(20))
            try client.pump()
            while seen < client.handshakes.count, refusal == nil {
                refusal = try judge.note(client.handshakes[seen])
                seen += 1
            }
        }
        #expect(refusal?.reason == .serverUnprotected)
        #expect(try server.receive() == nil)
        #expect(try MechanismProbe.mechanism(at: endpoint, timeout: .seconds(20)) == "NULL")
    }

    @Test func aPlainPasswordIsRefused() throws {
        let server = try TestServer(allowing: [try KeyPair.generate()])
        let peer = try RawConnection(to: server.endpoint)
        while !peer.isOpen { try peer.wait(timeout: .seconds(20)) }
        try peer.send(MechanismProbe.greeting(mechanism: "PLAIN") + [4, 8, 5] + Array("HELLO".utf8) + [0, 0])
        #expect(try server.run([]) { server.handshakes == [.failed(.mechanism)] })
        #expect(server.messages.isEmpty)
    }

    @Test func revocationTakesEffectAtOnceAndEndsSessions() throws {
        let (kept, removed) = (try KeyPair.generate(), try KeyPair.generate())
        let server = try TestServer(allowing: [kept, removed])
        let admission = SessionAdmission(authenticator: server.authenticator)
        let clients = [try server.client(kept), try server.client(removed)]
        #expect(try server.run(clients) { server.messages.count == 2 })
        for (number, message) in server.messages.enumerated() {
            try admission.admit(
                SessionID(high: 0, low: UInt64(number)), from: message.peer, needing: [.worker], isControl: true)
        }
        let list = AuthorizedKeys([AuthorizedKey(key: kept.publicKey, role: .worker, name: "kept")])
        let ended = admission.endRevoked(server.authenticator.update(list).revoked)
        #expect(ended.map(\.peer?.identity) == [removed.publicKey])
        let peer = try #require(ended.first?.peer)
        // The connection is still there: the server can say why, and whatever comes over it is refused.
        #expect(try server.socket.send([[9]], to: peer) == .sent)
        #expect(try server.run(clients) { clients[1].messages == [[[9]]] })
        #expect(throws: AdmissionRefusal.revoked(removed.publicKey)) {
            try admission.admit(
                SessionID(high: 5, low: 5), from: peer, needing: [.worker], isControl: true)
        }
        // A new connection with the removed key is refused, one with the kept key is not.
        let again = [try server.client(removed), try server.client(kept)]
        #expect(try server.run(clients + again) { again[0].hasFailed && again[1].handshakes == [.succeeded] })
        #expect(again[0].handshakes == [.failed(.notAllowed)])
    }

    @Test func theSelfTestPassesForAServerThatRefusesStrangers() throws {
        let server = try TestServer(allowing: [])
        try StartupSelfTest.run(server.endpoint, security: server.authenticator.security(for: server.keys))
        #expect(server.authenticator.refusals == [:])
        // And while somebody else uses the same server.
        #expect(try server.run([]) { server.handshakes.count >= 3 })
        #expect(!server.handshakes.contains(.succeeded) && server.messages.isEmpty)
    }

    @Test func theSelfTestFailsForAServerThatLetsStrangersIn() throws {
        let authenticator = try Authenticator(AuthorizedKeys())
        let keys = try KeyPair.generate()
        let security = authenticator.security(for: keys)
        // One without any encryption.
        let open = try ZeroMQSocket(.router, .control)
        let endpoint = try open.bind(Endpoint("tcp://127.0.0.1:*"))
        let error = #expect(throws: SecurityError.self) { try StartupSelfTest.run(endpoint, security: security) }
        #expect(error?.description.contains("no encryption is accepted") == true)
        // One with the same key whose strangers another authenticator refuses.
        let other = try Authenticator(AuthorizedKeys())
        let elsewhere = try ZeroMQSocket(.router, .control, security: .server(other.security(for: keys)))
        let second = try elsewhere.bind(Endpoint("tcp://127.0.0.1:*"))
        #expect(throws: SecurityError.self) { try StartupSelfTest.run(second, security: security) }
        // And one where nobody listens.
        #expect(throws: SecurityError.self) {
            try StartupSelfTest.run(
                Endpoint("ipc:///tmp/tare-nobody-\(UInt64.random(in: 0 ... .max))"), security: security,
                timeout: .milliseconds(50))
        }
    }

    @Test func withoutKeysOnlyThisMachineIsServedAndJoined() throws {
        let socket = try ZeroMQSocket(.router, .control)
        for text in ["tcp://0.0.0.0:1", "tcp://*:1", "tcp://192.0.2.1:1", "tcp://127.evil.example:1", "tcp://[::]:1"] {
            #expect(throws: ZeroMQError.self) { try socket.bind(Endpoint(text)) }
            #expect(throws: ZeroMQError.self) { try ZeroMQSocket(.dealer, .control).connect(Endpoint(text)) }
        }
        for text in ["tcp://127.0.0.1:1", "tcp://127.1.2.3:1", "tcp://localhost:1", "tcp://[::1]:1", "ipc:///tmp/x"] {
            #expect(try Endpoint(text).isLocal)
        }
    }

    @Test func socketsComeAndGoWhileTheyAreWatched() throws {
        let keys = try KeyPair.generate()
        let authenticator = try Authenticator(
            AuthorizedKeys([AuthorizedKey(key: keys.publicKey, role: .worker, name: "a")]))
        let serverKeys = try KeyPair.generate()
        for _ in 0..<100 {
            let server = try ZeroMQSocket(.router, .control, security: .server(authenticator.security(for: serverKeys)))
            try server.monitorHandshakes()
            let endpoint = try server.bind(Endpoint("tcp://127.0.0.1:*"))
            let client = try TestClient(
                endpoint, .client(ClientSecurity(keys: keys, serverKey: serverKeys.publicKey)))
            while client.handshakes.isEmpty {
                _ = try ZeroMQSocket.wait([(client.socket, false)], descriptors: [], timeout: .seconds(20))
                try client.pump()
            }
            #expect(client.handshakes == [.succeeded])
        }
        #expect(authenticator.admittedCount == 100 && authenticator.failure == nil)
    }

    @Test func fullChunksFitIntoTheLimitWhenEncrypted() throws {
        let keys = try KeyPair.generate()
        let server = try TestServer(allowing: [keys], options: .data)
        let client = try ZeroMQSocket(
            .dealer, .data, security: .client(ClientSecurity(keys: keys, serverKey: server.keys.publicKey)))
        try client.connect(server.endpoint)
        let frames = [[UInt8](repeating: 1, count: 1000), [UInt8](repeating: 2, count: WireLimits.chunkBytes)]
        while try client.send(frames) != .sent {
            _ = try ZeroMQSocket.wait([(client, true)], descriptors: [], timeout: .seconds(20))
        }
        #expect(try server.run([]) { server.messages.count == 1 })
        #expect(server.messages.first?.frames == frames)
    }
}
