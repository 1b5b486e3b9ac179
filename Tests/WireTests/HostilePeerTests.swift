import Foundation
import TestSupport
import Testing

@testable import Wire

/// Peers that speak no protocol, or only its beginning: memory stays flat and others are served.
@Suite(.serialized, .timeLimit(.minutes(2))) struct HostilePeerTests {
    /// Far below what each attack sends, far above what other tests of this process may take meanwhile.
    private static let allowance = 128 << 20

    private static func residentBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return try #require(Int(text.split(separator: " ")[1])) * 4096
    }

    /// Opens connections and waits until they are there.
    private static func connections(_ count: Int, to server: TestServer) throws -> [RawConnection] {
        let context = try ZeroMQContext()
        let result = try (0..<count).map { _ in try RawConnection(to: server.endpoint, context: context) }
        for connection in result {
            while !connection.isOpen { try connection.wait(timeout: .seconds(20)) }
        }
        return result
    }

    /// All are hung up on, at the latest when the time for a handshake is over.
    private static func expectClosed(_ peers: [RawConnection]) throws {
        let end = MonotonicClock.now + .seconds(30)
        while !peers.allSatisfy({ $0.isClosed }), MonotonicClock.now < end {
            for peer in peers where !peer.isClosed { try peer.wait(timeout: .milliseconds(100)) }
        }
        #expect(peers.allSatisfy { $0.isClosed })
    }

    private static func expectService(_ server: TestServer, _ keys: KeyPair) throws {
        let before = server.messages.count
        let client = try server.client(keys)
        #expect(try server.run([client]) { server.messages.count > before })
        #expect(server.messages.allSatisfy { $0.peer.identity == keys.publicKey })
    }

    @Test(arguments: [UInt64(256 << 20), UInt64(1) << 40, UInt64.max])
    func anAnnouncedGiantFrameTakesNoMemory(announced: UInt64) throws {
        let keys = try KeyPair.generate()
        let server = try TestServer(allowing: [keys])
        let peers = try Self.connections(8, to: server)
        let before = try Self.residentBytes()
        // A long command frame, before any handshake.
        let length = (0..<8).map { UInt8(truncatingIfNeeded: announced >> (56 - 8 * UInt64($0))) }
        for peer in peers { try peer.send(MechanismProbe.greeting(mechanism: "CURVE") + [6] + length) }
        let piece = [UInt8](repeating: 65, count: 1 << 18)
        var sent = 0
        for peer in peers {
            // As much as the server takes, at most 48 MiB.
            for _ in 0..<192 where !peer.isClosed {
                if try !peer.send(piece) {
                    try peer.wait(timeout: .milliseconds(500), toSend: true)
                    guard try peer.send(piece) else { break }
                }
                sent += 1
                try peer.wait(timeout: .zero)
            }
        }
        try Self.expectService(server, keys)
        #expect(try Self.residentBytes() - before < Self.allowance, "\(sent) pieces sent")
        #expect(server.messages.count == 1)
    }

    @Test func otherProtocolsAreHungUpOn() throws {
        let keys = try KeyPair.generate()
        let server = try TestServer(allowing: [keys])
        var generator = SeededGenerator(seed: 11)
        let random = (0..<64).map { _ in
            (0..<4096).map { _ in UInt8.random(in: 0...255, using: &generator) }
        }
        let sendings =
            [Array("GET / HTTP/1.1\r\nHost: here\r\n\r\n".utf8), Array("SSH-2.0-OpenSSH_9.2\r\n".utf8)] + random
            + [MechanismProbe.greeting(mechanism: "CURVE") + [4, 200] + [UInt8](repeating: 0, count: 200)]
        let peers = try Self.connections(sendings.count, to: server)
        for (peer, bytes) in zip(peers, sendings) { try peer.send(bytes) }
        // Some of the random bytes are the beginning of an endless frame for it; the handshake's time ends those.
        try Self.expectClosed(peers)
        try Self.expectService(server, keys)
        #expect(server.messages.count == 1 && server.handshakes.count { $0 == .succeeded } == 1)
        #expect(server.authenticator.refusals == [:])
    }

    @Test func halfOpenConnectionsHoldNobodyUp() throws {
        let keys = try KeyPair.generate()
        let server = try TestServer(allowing: [keys])
        let before = try Self.residentBytes()
        let peers = try Self.connections(100, to: server)
        for peer in peers.prefix(50) { try peer.send(Array(MechanismProbe.greeting(mechanism: "CURVE").prefix(20))) }
        try Self.expectService(server, keys)
        #expect(try Self.residentBytes() - before < Self.allowance)
        try Self.expectClosed(peers)
    }
}
