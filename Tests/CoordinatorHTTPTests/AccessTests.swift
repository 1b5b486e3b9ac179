import ControlAPI
import CoordinatorHTTP
import Foundation
import Testing

@Suite struct AccessTests {
    private static let token = RunningServer.tokenText
    private static let changes = [
        ("POST", "/api/v1/jobs"), ("DELETE", "/api/v1/jobs/3"), ("POST", "/api/v1/workers/all/drain"),
    ]

    @Test func withoutATokenNothingCanBeChanged() async throws {
        try await RunningServer.run(token: false) { server in
            for (method, path) in Self.changes {
                for token in [nil, "", Self.token] {
                    let answer = try await server.ask(method, path, token: token)
                    #expect(answer.status == 403)
                    #expect(answer.body.contains("--http-token-file"))
                }
            }
            #expect(try await server.ask("GET", "/api/v1/jobs").status == 200)
            #expect(server.cluster.requests.count == 1)
        }
    }

    @Test func onlyTheTokenOpensChanges() async throws {
        try await RunningServer.run { server in
            for (method, path) in Self.changes {
                for value in [
                    "", "Bearer", "Bearer ", "Bearer \(Self.token.dropLast())", "Bearer \(Self.token)0",
                    "Bearer \(Self.token)\(Self.token)", "Basic \(Self.token)", Self.token,
                    "Bearer \(Self.token.uppercased())", "Bearer x\(Self.token)",
                ] {
                    let answer = try await server.ask(method, path, ["Authorization: \(value)"])
                    #expect(answer.status == 401, "\(value)")
                    #expect(answer.fields["www-authenticate"] == "Bearer realm=\"tare\"")
                }
                #expect(try await server.ask(method, path).status == 401)
            }
            #expect(server.cluster.requests.isEmpty)
            #expect(
                try await server.ask("DELETE", "/api/v1/jobs/3", ["Authorization: bearer \(Self.token)"]).status == 200)
        }
    }

    @Test func pagesOfOtherSitesCannotChangeAnything() async throws {
        try await RunningServer.run { server in
            let foreign = [
                ["Origin: http://evil.example"], ["Origin: null"], ["Origin: http://localhost:9"],
                ["Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: same-site"], ["Origin: "],
                ["Origin: http://localhost", "Sec-Fetch-Site: cross-site"],
            ]
            for (method, path) in Self.changes {
                for fields in foreign {
                    let answer = try await server.ask(method, path, fields, token: Self.token)
                    #expect(answer.status == 403, "\(fields)")
                }
            }
            #expect(server.cluster.requests.isEmpty)
            let own = [
                ["Origin: http://localhost"], ["Origin: https://LOCALHOST"], ["Sec-Fetch-Site: same-origin"],
                ["Sec-Fetch-Site: none"],
            ]
            for fields in own {
                let answer = try await server.ask("DELETE", "/api/v1/jobs/3", fields, token: Self.token)
                #expect(answer.status == 200, "\(fields)")
            }
        }
    }

    @Test func namesThatNobodyConfiguredAreRefused() async throws {
        try await RunningServer.run(hostNames: ["Tare.Example"]) { server in
            for host in [
                "localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:7780", "127.8.9.1", "[::1]", "[::1]:80",
                "tare.example", "tare.example:7780",
            ] {
                #expect(try await server.ask("GET", "/healthz", host: host).status == 200, "\(host)")
            }
            for host in [
                "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[fe80::1]",
                "localhost:x",
                "tare.example.", "[::1", "[::1]x", ":80",
            ] {
                let answer = try await server.ask("GET", "/healthz", host: host)
                #expect(answer.status == 421, "\(host)")
            }
            #expect(try await server.ask("GET", "/api/v1/nothing", host: "evil.example").status == 421)
        }
    }

    @Test func requestsNeedExactlyOneHost() async throws {
        try await RunningServer.run { server in
            let connection = try await server.connection()
            try await connection.send("GET /healthz HTTP/1.1\r\n\r\n")
            #expect(try await connection.answer().status == 400)
            #expect(try await server.ask("GET", "/healthz", ["Host: localhost"]).status == 400)
            #expect(try await server.ask("GET", "/healthz", host: "").status != 200)
        }
    }

    @Test func addressesThatOthersReachNeedConsentAndAToken() throws {
        let token = try #require(AccessToken(Self.token))
        for address in ["0.0.0.0:7780", "[::]:7780", "10.0.0.1:80", "tare.example:7780", "[::ffff:10.0.0.1]:1"] {
            #expect(throws: HTTPConfigurationError.remote(address)) {
                _ = try HTTPConfiguration(address: address, token: token)
            }
            #expect(throws: HTTPConfigurationError.remoteWithoutToken(address)) {
                _ = try HTTPConfiguration(address: address, allowsRemote: true)
            }
            #expect(try HTTPConfiguration(address: address, token: token, allowsRemote: true).needsTokenToRead)
        }
        for address in ["127.0.0.1:0", "localhost:7780", "[::1]:7780", "127.9.9.9:65535"] {
            #expect(try !HTTPConfiguration(address: address).needsTokenToRead)
        }
        for address in [
            "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:7780", ":7780", "[::1:80",
        ] {
            #expect(throws: HTTPConfigurationError.address(address)) {
                _ = try HTTPConfiguration(address: address, token: token, allowsRemote: true)
            }
        }
    }

    @Test func whereOthersReachTheServerReadingNeedsTheToken() async throws {
        let token = try #require(AccessToken(Self.token))
        let configuration = try HTTPConfiguration(address: "0.0.0.0:0", token: token, allowsRemote: true)
        try await RunningServer.run(configure: { $0 = configuration }) { server in
            for path in ["/metrics", "/api/v1/jobs", "/api/v1/cluster"] {
                #expect(try await server.ask("GET", path).status == 401)
                #expect(try await server.ask("GET", path, host: "10.1.2.3:7780", token: Self.token).status == 200)
                #expect(try await server.ask("GET", path, host: "evil.example", token: Self.token).status == 421)
            }
            server.cluster.set(isAlive: true, readiness: .notReady(["the disk is full"]))
            #expect(try await server.ask("GET", "/healthz").status == 200)
            let probe = try await server.ask("GET", "/readyz")
            #expect(probe.status == 503)
            #expect(!probe.body.contains("disk"))
            #expect(try await server.ask("GET", "/readyz", token: Self.token).body.contains("disk"))
        }
    }
}

@Suite struct AccessTokenTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "tare-token-\(UUID().uuidString)")

    private func write(_ text: String, mode: Int) throws -> URL {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appending(path: "token")
        try? FileManager.default.removeItem(at: file)
        try Data(text.utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
        return file
    }

    @Test func onlyFilesOfTheOwnerAreRead() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let text = String(repeating: "a1", count: 32)
        for mode in [0o600, 0o400] {
            for ending in ["", "\n", "\r\n"] {
                #expect(try AccessToken(contentsOf: write(text + ending, mode: mode)).matches(text))
            }
        }
        for mode in [0o640, 0o604, 0o644, 0o620, 0o601] {
            let file = try write(text, mode: mode)
            #expect(throws: AccessTokenError.open(path: file.path, mode: mode)) { try AccessToken(contentsOf: file) }
        }
        for text in [
            "", "short", String(repeating: "a", count: 31), String(repeating: "a", count: 513),
            String(repeating: "a", count: 40) + " b", String(repeating: "ü", count: 40), "a\nb" + text,
        ] {
            let file = try write(text, mode: 0o600)
            #expect(throws: AccessTokenError.malformed(path: file.path)) { try AccessToken(contentsOf: file) }
        }
        #expect(throws: AccessTokenError.self) { try AccessToken(contentsOf: folder) }
        #expect(throws: AccessTokenError.self) { try AccessToken(contentsOf: folder.appending(path: "none")) }
    }

    @Test func descriptionsDoNotTellTheToken() throws {
        let token = try #require(AccessToken(RunningServer.tokenText))
        #expect(!"\(token)".contains("0123"))
    }
}
