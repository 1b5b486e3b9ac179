import ControlAPI
import CoordinatorHTTP
import Foundation
import Logging
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct ConnectionTests {
    private static let token = RunningServer.tokenText

    @Test(arguments: [
        "\r\n\r\n\r\n\u{0}", "GET\r\n\r\n", "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}",
        "GET / HTTP/1.1\r\nHost localhost\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\u{0}b\r\n\r\n",
        "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9x\r\n\r\n",
        "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET http://localhost/healthz HTTP/1.1 x\r\nHost: localhost\r\n\r\n", "NONSENSE / HTTP/1.1\r\n\r\n",
    ]) func malformedRequestsEndTheConnectionAndNothingElse(text: String) async throws {
        try await RunningServer.run { server in
            let connection = try await server.connection()
            try await connection.send(text)
            connection.finishSending()
            let answer = try await connection.untilClosed()
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 4"), "\(answer)")
            #expect(server.cluster.requests.isEmpty)
            #expect(try await server.ask("GET", "/healthz").status == 200)
        }
    }

    @Test func headsAreBounded() async throws {
        try await RunningServer.run { server in
            let long = String(repeating: "x", count: 20_000)
            let many = (0..<100).map { "X-\($0): y" }
            for head in [
                RunningServer.head("GET", "/healthz", ["X-Long: \(long)"]), RunningServer.head("GET", "/healthz", many),
                RunningServer.head("GET", "/healthz", (0..<40).map { "X-\($0): \(long.prefix(1000))" }),
            ] {
                let connection = try await server.connection()
                try await connection.send(head)
                connection.finishSending()
                #expect(try await connection.untilClosed().hasPrefix("HTTP/1.1 200") == false)
            }
            #expect(try await server.ask("GET", "/healthz", ["X-Short: \(long.prefix(1000))"]).status == 200)
        }
    }

    @Test func aClientThatSendsItsHeadSlowlyIsCutOff() async throws {
        try await RunningServer.run(configure: { $0.headLimit = .seconds(1) }) { server in
            let silent = try await server.connection()
            let slow = try await server.connection()
            try await slow.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            // A byte after every answer to somebody else never ends the head; it ends although something always comes.
            while !slow.isClosed {
                try await slow.send("y")
                // Only paces the loop; on a machine that stands still it may be cut off itself.
                _ = try? await server.ask("GET", "/healthz")
            }
            #expect(try await slow.untilClosed().isEmpty)
            #expect(try await silent.untilClosed().isEmpty)
        }
    }

    @Test func aClientThatSendsItsBodySlowlyIsCutOff() async throws {
        try await RunningServer.run(configure: { $0.bodyLimit = .seconds(1) }) { server in
            let connection = try await server.connection()
            try await connection.send(
                RunningServer.head(
                    "POST", "/api/v1/jobs",
                    ["Authorization: Bearer \(Self.token)", "Content-Type: application/json", "Content-Length: 60000"])
                    + "{")
            // A byte now and then does not help.
            while !connection.isClosed {
                try await connection.send(" ")
                #expect(try await server.ask("GET", "/healthz").status == 200)
            }
            #expect(try await connection.untilClosed().isEmpty)
            #expect(server.cluster.requests.isEmpty)
            #expect(try await server.ask("GET", "/healthz").status == 200)
        }
    }

    @Test func anAnswerThatTakesTooLongEndsTheConnection() async throws {
        try await RunningServer.run(configure: { $0.responseLimit = .milliseconds(100) }) { server in
            let gate = Gate()
            server.cluster.set(behaviour: .waits(gate))
            let connection = try await server.connection()
            try await connection.send(RunningServer.head("GET", "/api/v1/cluster"))
            #expect(try await connection.untilClosed().isEmpty)
            gate.open()
        }
    }

    @Test func aClientThatDoesNotReadIsCutOff() async throws {
        let bytes = 64 << 20
        let configure: (inout HTTPConfiguration) -> Void = {
            $0.responseLimit = .seconds(1)
            $0.headLimit = .seconds(3)
        }
        try await RunningServer.run(configure: configure) { server in
            server.cluster.set(behaviour: .gives(bytes))
            let connection = try await server.connection()
            try await connection.send(RunningServer.head("GET", "/api/v1/cluster"))
            // The end of a connection that came later and may wait longer tells that the time of this one is over.
            #expect(try await server.connection().untilClosed().isEmpty)
            // What the buffers of the system held was sent, and nothing more.
            #expect(try await connection.untilClosed().utf8.count < bytes)
        }
    }

    @Test func aLargeAnswerArrivesWhole() async throws {
        try await RunningServer.run { server in
            server.cluster.set(behaviour: .gives(16 << 20))
            let answer = try await server.ask("GET", "/api/v1/cluster")
            #expect(answer.body.utf8.count == 16 << 20)
        }
    }

    @Test func randomBytesChangeNothing() async throws {
        let seeds = [
            RunningServer.head("GET", "/api/v1/jobs?offset=3"), RunningServer.head("DELETE", "/api/v1/jobs/3"),
            RunningServer.head("POST", "/api/v1/jobs", ["Content-Length: 2", "Content-Type: application/json"]) + "{}",
            RunningServer.head("POST", "/api/v1/workers/all/drain", ["Transfer-Encoding: chunked"])
                + "2\r\n{}\r\n0\r\n\r\n",
        ].map { Array($0.utf8) }
        var generator = SeededGenerator(seed: 7780)
        try await RunningServer.run { server in
            for round in 0..<300 {
                var bytes = seeds[round % seeds.count]
                for _ in 0..<Int.random(in: 1...6, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
                }
                let connection = try await server.connection()
                try await connection.send(bytes)
                connection.finishSending()
                _ = try await connection.untilClosed()
            }
            #expect(try await server.ask("GET", "/healthz").status == 200)
            #expect(server.cluster.requests.allSatisfy { !$0.isMutating })
        }
    }

    @Test func requestsOnOneConnectionAreAnsweredInOrder() async throws {
        try await RunningServer.run { server in
            let connection = try await server.connection()
            try await connection.send((0..<50).map { RunningServer.head("GET", "/api/v1/jobs/\($0)") }.joined())
            for job in 0..<50 { #expect(try await connection.answer().body.contains("\"job\":\(job),")) }
            try await connection.send(RunningServer.head("GET", "/healthz", ["Connection: close"]))
            #expect(try await connection.untilClosed().hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func manyConnectionsAreServedAndTheRestWait() async throws {
        try await RunningServer.run(configure: { $0.connections = 50 }) { server in
            var waiting: [RawConnection] = []
            for _ in 0..<120 { waiting.append(try await server.connection()) }
            for connection in waiting {
                try await connection.send(RunningServer.head("GET", "/healthz", ["Connection: close"]))
            }
            // Each one that is answered and closed lets another one in.
            while !waiting.isEmpty {
                #expect(try await waiting.removeFirst().untilClosed().hasPrefix("HTTP/1.1 200"))
            }
        }
    }

    @Test func idleConnectionsDoNotKeepTheRestWaitingForEver() async throws {
        try await RunningServer.run(
            configure: {
                $0.connections = 4
                $0.headLimit = .seconds(4)
            },
            { server in
                var silent: [RawConnection] = []
                for _ in 0..<4 { silent.append(try await server.connection()) }
                #expect(try await server.ask("GET", "/healthz").status == 200)
                for connection in silent { #expect(try await connection.untilClosed().isEmpty) }
            })
    }
}

@Suite(.timeLimit(.minutes(3))) struct StopTests {
    @Test func aRequestUnderWayIsAnsweredBeforeTheServerEnds() async throws {
        try await RunningServer.run { server in
            let gate = Gate()
            server.cluster.set(behaviour: .waits(gate))
            let connection = try await server.connection()
            let idle = try await server.connection()
            try await connection.send(RunningServer.head("GET", "/api/v1/cluster"))
            await gate.arrivals(1)
            server.task.cancel()
            // Idle connections end at once: by then the server is stopping.
            #expect(try await idle.untilClosed().isEmpty)
            gate.open()
            let answer = try await connection.answer()
            #expect(answer.status == 200)
            #expect(try await connection.untilClosed().isEmpty)
            try await server.task.value
            await #expect(throws: RawConnection.Failure.self) { try await server.connection() }
        }
    }

    @Test func aRequestThatDoesNotEndIsCutOffAfterTheGrace() async throws {
        let gate = Gate()
        let configure: (inout HTTPConfiguration) -> Void = {
            $0.stopGrace = .milliseconds(50)
            $0.answerLimit = .seconds(600)
            $0.responseLimit = .seconds(600)
        }
        try await RunningServer.run(configure: configure) { server in
            server.cluster.set(behaviour: .waits(gate))
            let connection = try await server.connection()
            try await connection.send(RunningServer.head("GET", "/api/v1/cluster"))
            await gate.arrivals(1)
            server.task.cancel()
            try await server.task.value
            let rest = try await connection.untilClosed()
            #expect(rest.isEmpty || rest.hasPrefix("HTTP/1.1 503"))
        }
        gate.open()
    }

    @Test func aHalfSentRequestDoesNotHoldTheServer() async throws {
        try await RunningServer.run { server in
            let head = try await server.connection()
            try await head.send("GET /healthz HTTP/1.1\r\nHost:")
            #expect(try await server.ask("GET", "/healthz").status == 200)
            server.task.cancel()
            try await server.task.value
            #expect(try await head.untilClosed().isEmpty)
        }
    }

    @Test func aTakenPortIsSaid() async throws {
        try await RunningServer.run { server in
            let configuration = try HTTPConfiguration(address: "127.0.0.1:\(server.port)")
            let service = HTTPService(
                configuration: configuration, provider: FakeCluster(), registry: nil, logger: .init(label: "x"))
            let error = await #expect(throws: HTTPServiceError.self) { try await service.run() }
            #expect(error?.description.contains("127.0.0.1:\(server.port)") == true)
            #expect(error?.description.contains("--http") == true)
        }
    }

    @Test func cancellingBeforeTheStartEndsTheServer() async throws {
        let configuration = try HTTPConfiguration(address: "127.0.0.1:0")
        let service = HTTPService(
            configuration: configuration, provider: FakeCluster(), registry: nil, logger: .init(label: "x"))
        for _ in 0..<20 {
            let task = Task { try await service.run() }
            task.cancel()
            _ = await task.result
        }
    }
}
