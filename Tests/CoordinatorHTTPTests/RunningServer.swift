import ControlAPI
import CoordinatorHTTP
import Foundation
import Logging

/// A server on a free port of loopback, for the time of a test.
struct RunningServer {
    static let tokenText = "0123456789abcdef0123456789abcdef"

    let port: Int
    let cluster: FakeCluster
    let registry: PrometheusRegistry
    let task: Task<Void, any Error>

    /// Runs a server while `body` does, and stops it.
    static func run<Result>(
        token: Bool = true, hostNames: [String] = [], configure: (inout HTTPConfiguration) -> Void = { _ in },
        _ body: (RunningServer) async throws -> Result
    ) async throws -> Result {
        var configuration = try HTTPConfiguration(
            address: "127.0.0.1:0", token: token ? AccessToken(tokenText) : nil, hostNames: hostNames)
        // A machine with other work may stand still for longer than the limits that clients get otherwise.
        configuration.headLimit = .seconds(60)
        configuration.bodyLimit = .seconds(60)
        configuration.responseLimit = .seconds(60)
        configuration.livenessLimit = .seconds(60)
        configuration.answerLimit = .seconds(60)
        configure(&configuration)
        let cluster = FakeCluster()
        let registry = PrometheusRegistry()
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let service = HTTPService(
            configuration: configuration, provider: cluster, registry: registry, logger: logger)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let task = Task {
            defer { continuation.finish() }
            try await service.run { continuation.yield($0) }
        }
        guard let port = await ports.first(where: { _ in true }) else {
            try await task.value
            throw RawConnection.Failure(text: "the server ended")
        }
        let server = RunningServer(port: port, cluster: cluster, registry: registry, task: task)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(server))
        } catch {
            result = .failure(error)
        }
        task.cancel()
        try await task.value
        return try result.get()
    }

    /// The head of a request, and its end.
    static func head(_ method: String, _ path: String, host: String = "localhost", _ fields: [String] = []) -> String {
        ([("\(method) \(path) HTTP/1.1"), "Host: \(host)"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// Sends one request on a connection of its own.
    func ask(
        _ method: String, _ path: String, host: String = "localhost", _ fields: [String] = [], body: String? = nil,
        token: String? = nil
    ) async throws -> RawConnection.Answer {
        let connection = try await connection()
        var all = fields
        if let token { all.append("Authorization: Bearer \(token)") }
        if let body { all.append("Content-Length: \(body.utf8.count)") }
        try await connection.send(Self.head(method, path, host: host, all) + (body ?? ""))
        return try await connection.answer(hasBody: method != "HEAD")
    }

    func connection() async throws -> RawConnection { try await RawConnection.open(port: port) }
}
