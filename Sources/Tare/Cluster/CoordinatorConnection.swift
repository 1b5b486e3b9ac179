import Calibration
import ControlAPI
import Foundation
import Wire

/// A client's connection to a coordinator: asks, and repeats what is not answered.
///
/// Used by one thread at a time, because its sockets are.
final class CoordinatorConnection {
    private let endpoint: Endpoint
    private let security: SocketSecurity
    private let socket: ZeroMQSocket
    private let session: SessionID
    private var judge: HandshakeJudge
    private var sequence: UInt64 = 0
    private var random = SystemRandomNumberGenerator()

    /// How long to wait for an answer before asking again.
    private static let patience: Duration = .seconds(1)
    /// How long to look for a coordinator that says nothing.
    private let timeout: Duration

    /// Connects; nothing is sent yet.
    init(endpoint: Endpoint, security: SocketSecurity, timeout: Duration = .seconds(30)) throws {
        self.endpoint = endpoint
        self.security = security
        self.timeout = timeout
        judge = HandshakeJudge(endpoint: endpoint, security: security)
        session = SessionID.random(using: &random)
        socket = try ZeroMQSocket(.dealer, .control, security: security)
        try socket.monitorHandshakes()
        try socket.connect(endpoint)
    }

    /// Asks and waits for the whole answer.
    ///
    /// - Parameters:
    ///   - request: What is asked.
    ///   - type: What the answer is.
    ///   - timeout: How long the coordinator may take to answer: a submission reads a data set.
    /// - Returns: The answer's document.
    /// - Throws: `ControlError` that the coordinator answered with; `CommandFailure` when it does not answer.
    func ask<Document: ControlDocument>(
        _ request: ControlRequest, for type: Document.Type, timeout: Duration? = nil
    ) throws -> Document {
        let text = String(decoding: try Documents.encode(request), as: UTF8.self)
        guard text.utf8.count <= WireLimits.clientBytes else {
            throw CommandFailure(
                .usage, "The request has \(text.utf8.count) bytes; at most \(WireLimits.clientBytes) are taken")
        }
        var question = ClientRequest(id: RequestID.random(using: &random), kind: request.kind, text: text)
        var content: [UInt8] = []
        let deadline = ContinuousClock.now + (timeout ?? self.timeout)
        while true {
            try send(.clientRequest(question))
            guard let answer = try receive(for: question) else {
                guard ContinuousClock.now < deadline else {
                    throw CommandFailure(
                        .unreachable, "No coordinator answered at \(endpoint.text); start it, or check the address")
                }
                continue
            }
            content += answer.content
            question.offset = content.count
            guard content.count >= answer.total else { continue }
            guard answer.status == 200 else { throw try Documents.decode(ControlError.self, from: content) }
            return try Documents.decode(type, from: content)
        }
    }

    private func send(_ message: Message) throws {
        sequence += 1
        let frames = try PacketCodec.frames(Packet(Envelope(session: session, sequence: sequence, message: message)))
        try Self.send(frames, on: socket)
    }

    /// Sends when somebody is there; what the socket does not take in time is asked again.
    private static func send(_ frames: [[UInt8]], on socket: ZeroMQSocket) throws {
        let deadline = ContinuousClock.now + patience
        while try socket.send(frames) != .sent, ContinuousClock.now < deadline {
            _ = try ZeroMQSocket.wait([(socket, true)], descriptors: [], timeout: deadline - .now)
            // News about the handshake end the wait too, and are read later.
            Thread.sleep(forTimeInterval: 0.005)
        }
    }

    /// Waits for a piece of the answer from the offset on.
    private func receive(for question: ClientRequest) throws -> ClientAnswer? {
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            _ = try ZeroMQSocket.wait(
                [(socket, false)], descriptors: [], timeout: max(.zero, min(.milliseconds(100), deadline - .now)))
            while let outcome = try socket.nextHandshake() {
                if let refusal = try judge.note(outcome) { throw CommandFailure(.refused, refusal.description) }
            }
            while let (_, frames) = try socket.receive() {
                let packet = try PacketCodec.packet(frames)
                switch packet.envelope.message {
                case .clientAnswer(let answer) where answer.id == question.id && answer.offset == question.offset:
                    return answer
                case .reject(_, let text, _): throw CommandFailure(.refused, text)
                default: continue
                }
            }
        }
        return nil
    }

    // MARK: Files

    /// Fetches a file of a result.
    ///
    /// - Parameters:
    ///   - file: Its digest and size.
    ///   - dataEndpoint: Where the coordinator says that files are.
    ///   - progress: Told the number of bytes so far.
    /// - Returns: The bytes, compared with the digest.
    /// - Throws: `CommandFailure` when they do not come, or others come; `ZeroMQError` or `WireError`.
    func fetch(
        _ file: ResultFile, from dataEndpoint: String, progress: (Int) -> Void = { _ in }
    ) throws -> [UInt8] {
        let data = try ZeroMQSocket(.dealer, .data, security: security)
        try data.connect(try Endpoint(dataEndpoint).resolved(against: endpoint))
        var content: [UInt8] = []
        content.reserveCapacity(file.bytes)
        var lastArrival = ContinuousClock.now
        while content.count < file.bytes {
            sequence += 1
            let request = Message.get(digest: file.sha256, offset: content.count, chunks: WireLimits.creditChunks)
            let frames = try PacketCodec.frames(
                Packet(Envelope(session: session, sequence: sequence, message: request)))
            try Self.send(frames, on: data)
            let wanted = min(file.bytes, content.count + WireLimits.creditChunks * WireLimits.chunkBytes)
            while content.count < wanted, try receiveChunk(data, of: file.sha256, into: &content) {
                lastArrival = .now
                progress(content.count)
            }
            guard ContinuousClock.now - lastArrival < timeout else {
                throw CommandFailure(.unreachable, "The coordinator at \(endpoint.text) stopped sending '\(file.name)'")
            }
        }
        guard ContentDigest(of: content) == file.sha256 else {
            throw CommandFailure(.inputOutput, "The file '\(file.name)' came with other bytes than its digest says")
        }
        return content
    }

    /// Takes the next piece in order.
    ///
    /// - Returns: Whether one came in time.
    private func receiveChunk(
        _ data: ZeroMQSocket, of digest: ContentDigest, into content: inout [UInt8]
    ) throws -> Bool {
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            _ = try ZeroMQSocket.wait([(data, false)], descriptors: [], timeout: max(.zero, deadline - .now))
            guard let (_, frames) = try data.receive() else { continue }
            let packet = try PacketCodec.packet(frames)
            switch packet.envelope.message {
            case .chunk(digest, let offset, _) where offset == content.count:
                content += packet.payload
                return true
            case .error(let text, _): throw CommandFailure(.inputOutput, text)
            default: continue
            }
        }
        return false
    }
}

extension ControlRequest {
    /// How the request is labelled on the wire.
    fileprivate var kind: ClientRequest.Kind {
        switch self {
        case .submit: .submit
        case .result: .result
        case .cancel: .cancel
        case .drain: .drain
        case .workers: .workers
        case .shards: .shards
        case .cluster, .jobs, .status, .layers, .events: .status
        }
    }
}
