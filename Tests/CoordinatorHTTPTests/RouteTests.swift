import ControlAPI
import CoordinatorHTTP
import Foundation
import Testing

@Suite struct RouteTests {
    private static let token = RunningServer.tokenText
    private static let json = ["Content-Type: application/json"]

    private static var submission: SubmissionDocument {
        SubmissionDocument(key: Identifier(high: 1, low: 2), name: "n", priority: 3, arguments: ["m.onnx"])
    }

    private static func text(_ document: some ControlDocument) throws -> String {
        String(decoding: try Documents.encode(document), as: UTF8.self)
    }

    @Test func everyReadingPathAsksItsRequest() async throws {
        let expected: [(String, ControlRequest)] = [
            ("cluster", .cluster), ("jobs", .jobs(Page())), ("jobs?offset=3&limit=7", .jobs(Page(offset: 3, limit: 7))),
            ("jobs/12", .status(job: 12)), ("jobs/12/result", .result(job: 12)),
            ("jobs/12/shards?limit=1000", .shards(job: 12, Page(limit: 1000))),
            ("jobs/12/layers?offset=5", .layers(job: 12, Page(offset: 5))), ("workers", .workers(Page())),
            ("events?job=4&offset=9", .events(job: 4, Page(offset: 9))), ("events", .events(job: nil, Page())),
            ("jobs/18446744073709551615", .status(job: .max)),
        ]
        try await RunningServer.run { server in
            for (path, request) in expected {
                let answer = try await server.ask("GET", "/api/v1/\(path)")
                #expect(answer.status == 200, "\(path): \(answer.body)")
                #expect(answer.body == (try Self.text(request)), "\(path)")
                #expect(answer.fields["content-type"] == "application/json")
                #expect(answer.fields["cache-control"] == "no-store")
                #expect(answer.fields["x-content-type-options"] == "nosniff")
                #expect(answer.fields["access-control-allow-origin"] == nil)
            }
            #expect(server.cluster.requests == expected.map(\.1))
        }
    }

    @Test func everyChangeAsksItsRequest() async throws {
        try await RunningServer.run { server in
            let submitted = try await server.ask(
                "POST", "/api/v1/jobs", Self.json, body: try Self.text(Self.submission), token: Self.token)
            #expect(submitted.status == 200, "\(submitted.body)")
            #expect(try await server.ask("DELETE", "/api/v1/jobs/7", token: Self.token).status == 200)
            #expect(try await server.ask("POST", "/api/v1/workers/all/drain", token: Self.token).status == 200)
            #expect(try await server.ask("POST", "/api/v1/workers/01ab/drain", token: Self.token).status == 200)
            #expect(
                server.cluster.requests == [
                    .submit(Self.submission), .cancel(job: 7, reason: "over HTTP"), .drain(.all),
                    .drain(.session(prefix: "01ab")),
                ])
        }
    }

    @Test(arguments: [
        "/", "/api", "/api/v1", "/api/v1/", "/api/v1/jobs/", "/api/v1/jobs/x", "/api/v1/jobs/-1", "/api/v1/jobs/+1",
        "/api/v1/jobs/18446744073709551616", "/api/v1/jobs/1/", "/api/v1/jobs/1/shards/2", "/api/v1/jobs/1/secrets",
        "//api/v1/jobs", "/api/v1/../v1/jobs", "/api/v1/%6aobs", "/healthz/", "/API/v1/jobs", "/api/v1/workers/1",
        "/api/v1/workers//drain", "/api/v2/jobs",
    ]) func otherPathsAreNotFound(path: String) async throws {
        try await RunningServer.run { server in
            let answer = try await server.ask("GET", path)
            #expect(answer.status == 404)
            #expect(answer.body == #"{"code":"unknown","error":"There is nothing at this path","version":1}"#)
            #expect(server.cluster.requests.isEmpty)
        }
    }

    @Test(arguments: [
        "/api/v1/jobs?limit=0", "/api/v1/jobs?limit=1001", "/api/v1/jobs?limit=-1", "/api/v1/jobs?limit=",
        "/api/v1/jobs?limit", "/api/v1/jobs?ofset=1", "/api/v1/jobs?offset=1&offset=2", "/api/v1/jobs?offset=1&",
        "/api/v1/jobs?offset=99999999999999999999999", "/api/v1/cluster?offset=1", "/api/v1/jobs/1?x=1",
        "/healthz?x=1", "/metrics?name=x", "/api/v1/events?job=x",
    ]) func strangeParametersAreRefused(path: String) async throws {
        try await RunningServer.run { server in
            let answer = try await server.ask("GET", path)
            #expect(answer.status == 400, "\(answer.body)")
            #expect(server.cluster.requests.isEmpty)
        }
    }

    @Test(arguments: [
        ("POST", "/healthz", "GET, HEAD"), ("PUT", "/api/v1/jobs", "GET, HEAD, POST"),
        ("OPTIONS", "/api/v1/jobs", "GET, HEAD, POST"), ("PATCH", "/api/v1/jobs/3", "GET, HEAD, DELETE"),
        ("GET", "/api/v1/workers/all/drain", "POST"), ("DELETE", "/metrics", "GET, HEAD"),
        ("BREW", "/api/v1/cluster", "GET, HEAD"),
    ]) func otherMethodsAreNotAllowed(method: String, path: String, allowed: String) async throws {
        try await RunningServer.run { server in
            let answer = try await server.ask(method, path, token: Self.token)
            // A method that HTTP does not know ends in the decoder.
            guard method != "BREW" else {
                #expect(answer.status == 400)
                return
            }
            #expect(answer.status == 405)
            #expect(answer.fields["allow"] == allowed)
        }
    }

    @Test func headIsGetWithoutBody() async throws {
        try await RunningServer.run { server in
            let connection = try await server.connection()
            try await connection.send(RunningServer.head("HEAD", "/api/v1/cluster"))
            try await connection.send(RunningServer.head("GET", "/api/v1/cluster"))
            let head = try await connection.answer(hasBody: false)
            let get = try await connection.answer()
            #expect(head.status == 200)
            #expect(head.fields["content-length"] == get.fields["content-length"])
            #expect(get.body == (try Self.text(ControlRequest.cluster)))
        }
    }

    @Test func refusalsOfTheCoordinatorKeepTheirStatusAndText() async throws {
        try await RunningServer.run { server in
            for code in ControlError.Code.allCases {
                let error = ControlError(code, "job 3: because \"so\"")
                server.cluster.set(behaviour: .refuses(error))
                let answer = try await server.ask("GET", "/api/v1/jobs/3")
                #expect(answer.status == error.status)
                #expect(answer.body == String(decoding: error.bytes, as: UTF8.self))
            }
        }
    }

    @Test func probesSayWhetherAllIsWell() async throws {
        try await RunningServer.run { server in
            let alive = try await server.ask("GET", "/healthz")
            #expect(alive.status == 200)
            #expect(alive.body == #"{"reasons":[],"status":"ok","version":1}"#)
            #expect(try await server.ask("GET", "/readyz").status == 200)
            server.cluster.set(isAlive: false, readiness: .notReady(["the disk is full", "it leaves"]))
            #expect(try await server.ask("GET", "/healthz").status == 503)
            let unready = try await server.ask("GET", "/readyz")
            #expect(unready.status == 503)
            #expect(
                unready.body == #"{"reasons":["the disk is full","it leaves"],"status":"unavailable","version":1}"#)
        }
    }

    @Test func aCoordinatorThatDoesNotAnswerIsSaidToBeDead() async throws {
        try await RunningServer.run(
            configure: {
                $0.livenessLimit = .milliseconds(20)
                $0.answerLimit = .milliseconds(20)
            },
            { server in
                let gate = Gate()
                server.cluster.set(behaviour: .waits(gate))
                #expect(try await server.ask("GET", "/healthz").status == 503)
                #expect(try await server.ask("GET", "/readyz").status == 503)
                let answer = try await server.ask("GET", "/api/v1/cluster")
                #expect(answer.status == 503)
                #expect(answer.body.contains("did not answer within"))
                // Metrics are shown all the same, with the gauges as they were.
                #expect(try await server.ask("GET", "/metrics").status == 200)
                gate.open()
            })
    }

    @Test func strangeSubmissionsAreRefused() async throws {
        let good = try Self.text(Self.submission)
        let padding = String(repeating: " ", count: ControlLimits.requestBytes - good.utf8.count)
        let expected: [(String, [String], Int)] = [
            (good, ["Content-Type: application/json; charset=utf-8"], 200), (good, [], 400),
            (good, ["Content-Type: text/plain"], 400), ("", Self.json, 400), ("{}", Self.json, 400),
            (good.replacingOccurrences(of: "}", with: ",\"x\":1}"), Self.json, 400), (padding + good, Self.json, 200),
            (" " + padding + good, Self.json, 413),
        ]
        try await RunningServer.run { server in
            for (body, fields, status) in expected {
                let answer = try await server.ask("POST", "/api/v1/jobs", fields, body: body, token: Self.token)
                #expect(answer.status == status, "\(body.prefix(100)): \(answer.body)")
            }
            #expect(server.cluster.requests.count == 2)
        }
    }

    @Test func bodiesInPiecesAreReadUpToTheLimit() async throws {
        let good = try Self.text(Self.submission)
        let fields = Self.json + ["Transfer-Encoding: chunked", "Authorization: Bearer \(Self.token)"]
        try await RunningServer.run { server in
            let connection = try await server.connection()
            try await connection.send(RunningServer.head("POST", "/api/v1/jobs", fields))
            for byte in good.utf8 { try await connection.send("1\r\n\(String(decoding: [byte], as: UTF8.self))\r\n") }
            try await connection.send("0\r\n\r\n")
            #expect(try await connection.answer().status == 200)

            try await connection.send(RunningServer.head("POST", "/api/v1/jobs", fields))
            let piece = "8000\r\n" + String(repeating: " ", count: 0x8000) + "\r\n"
            try await connection.send(piece + piece + piece)
            // Refused when it is too long, not when it ends.
            #expect(try await connection.answer().status == 413)
            try await connection.send(piece + "0\r\n\r\n")
            // The rest was read and thrown away: the connection goes on.
            try await connection.send(RunningServer.head("GET", "/healthz"))
            #expect(try await connection.answer().status == 200)
        }
    }

    @Test func metricsShowTheClusterTheServerAndTheProcess() async throws {
        try await RunningServer.run { server in
            let metrics = ClusterMetrics(factory: server.registry, build: "0.1.0", protocolVersion: 2)
            metrics.committed(result: .accepted)
            _ = try await server.ask("GET", "/api/v1/nothing")
            let answer = try await server.ask("GET", "/metrics")
            #expect(answer.status == 200)
            #expect(answer.fields["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            let lines = answer.body.split(separator: "\n").map(String.init)
            #expect(lines.contains(#"tare_build_info{protocol="2",version="0.1.0"} 1"#))
            #expect(lines.contains(#"tare_shard_commits_total{result="accepted"} 1"#))
            #expect(lines.contains(#"tare_shard_commits_total{result="conflict"} 0"#))
            #expect(lines.contains(#"tare_http_requests_total{route="other",status="4xx"} 1"#))
            for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
                let value = lines.first { $0.hasPrefix(name + " ") }.flatMap { Double($0.dropFirst(name.count + 1)) }
                #expect(value ?? 0 > 0, "\(name)")
            }
            #expect(server.cluster.refreshes == 1)
        }
    }
}
