internal import ControlAPI
internal import CoreMetrics
internal import HTTPTypes
internal import HummingbirdCore
public import Logging
internal import NIOCore
internal import NIOHTTPTypes
internal import NIOPosix
internal import Synchronization

/// The coordinator's HTTP server: health, readiness, metrics and the JSON interface under `/api/v1`.
public struct HTTPService<Provider: ClusterProvider>: Sendable {
    private let configuration: HTTPConfiguration
    private let responder: APIResponder<Provider>
    private let logger: Logger

    /// Makes a server that does not listen yet.
    ///
    /// - Parameters:
    ///   - configuration: Where and for whom it listens.
    ///   - provider: What it shows.
    ///   - registry: What `/metrics` shows; `nil` when another backend of swift-metrics has them.
    ///   - logger: For requests that change something, and for trouble of the server itself.
    public init(
        configuration: HTTPConfiguration, provider: Provider, registry: PrometheusRegistry?, logger: Logger
    ) {
        self.configuration = configuration
        self.logger = logger
        responder = APIResponder(
            configuration: configuration, provider: provider, registry: registry,
            metrics: HTTPMetrics(factory: registry ?? MetricsSystem.factory), logger: logger)
    }

    /// Listens until the task is cancelled.
    ///
    /// Then no connection is accepted any more, requests under way are answered, and after the grace of the configuration
    /// what is left is cut off. When this returns, no thread, socket or task of the server is left.
    ///
    /// - Parameter listening: Is told the port as soon as connections are accepted.
    /// - Throws: When the server cannot listen at its address, or no longer can.
    public func run(listening: @escaping @Sendable (Int) async -> Void = { _ in }) async throws(HTTPServiceError) {
        // Few and short requests: one thread, so that the cores stay with the calibration.
        let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = Server(
            childChannelSetup: HTTP1Channel(responder: respond, configuration: channelConfiguration),
            configuration: ServerConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                availableConnectionsDelegate: MaximumAvailableConnections(configuration.connections, logger: quiet)),
            onServerRunning: { channel in await listening(channel.localAddress?.port ?? 0) },
            eventLoopGroup: threads, logger: quiet)
        // A task of its own: cancelling this one must let requests under way finish.
        let running = Task { try await server.run() }
        let stopping = Mutex<Task<Void, Never>?>(nil)
        let result = await withTaskCancellationHandler {
            await running.result
        } onCancel: {
            stopping.withLock { $0 = Task { await stop(server, running: running) } }
        }
        // It waits for something on the server's thread, which must not end before.
        await stopping.withLock { $0 }?.value
        do {
            try await threads.shutdownGracefully()
            try result.get()
        } catch {
            throw HTTPServiceError(host: configuration.host, port: configuration.port, reason: "\(error)")
        }
        guard Task.isCancelled else {
            throw HTTPServiceError(
                host: configuration.host, port: configuration.port, reason: "the socket was closed by the system")
        }
    }

    private func stop(_ server: Server<HTTP1Channel>, running: Task<Void, any Error>) async {
        let hasStopped: Void? = await TimeLimit.result(within: configuration.stopGrace) {
            do {
                try await server.shutdownGracefully()
            } catch {
                logger.warning("the HTTP server could not be stopped in order: \(error)")
            }
        }
        if hasStopped == nil { running.cancel() }
    }

    private var channelConfiguration: HTTP1Channel.Configuration {
        let configuration = configuration
        return HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                ConnectionDeadlines(
                    headLimit: configuration.headLimit, bodyLimit: configuration.bodyLimit,
                    responseLimit: configuration.responseLimit)
            ],
            httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
                maxHeaderFieldSize: configuration.headBytes, maxHeaderListSize: configuration.headBytes,
                maxHeaderFieldCount: configuration.headFields))
    }

    /// The server's own log, in which every connection is an entry at level trace, says little to people.
    private var quiet: Logger {
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }

    @concurrent @Sendable private func respond(
        to request: Request, writer: consuming ResponseWriter, channel: any Channel
    ) async throws {
        let answer = try await responder.answer(request.head) { limit in
            if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { return nil }
            var bytes: [UInt8] = []
            for try await piece in request.body {
                guard bytes.count + piece.readableBytes <= limit else { return nil }
                bytes.append(contentsOf: piece.readableBytesView)
            }
            return bytes
        }
        try await writer.write(
            response: HTTPResponse(status: answer.status, headerFields: answer.fields),
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body)))
    }
}

/// The HTTP server cannot listen, or stopped listening.
public struct HTTPServiceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where it should listen.
    public let host: String
    /// The port.
    public let port: Int
    /// Why it does not.
    public let reason: String

    /// The address, the reason and the remedy.
    public var description: String {
        "The HTTP server cannot listen at \(host):\(port): \(reason); choose another address with --http HOST:PORT"
    }
}
