import Calibration
import CoordinatorCore
import CoordinatorService
import Foundation
import TestSupport
import Testing
import Wire
import WorkerCore
import WorkerService

/// Peers that do not behave, against a real coordinator.
@Suite(.timeLimit(.minutes(2))) struct HostileTests {
    /// Runs a job and hands its address to a peer first, then to a good worker.
    private static func run(
        _ job: ClusterJob<[UInt8]>, endpoint: String = "tcp://127.0.0.1:*", lease: Duration = .seconds(20),
        peer: @escaping @Sendable (_ control: String, _ data: String) throws -> Void
    ) async throws -> CalibrationOutcome<[UInt8]> {
        var configuration = CoordinatorServiceConfiguration(endpoint: endpoint)
        configuration.core.heartbeatInterval = .milliseconds(50)
        configuration.core.leaseDuration = lease
        let (listening, announce) = AsyncStream<(String, String)>.makeStream()
        let service = CoordinatorService(configuration: configuration)
        let task = Task {
            try await service.run(job) { notice in
                if case .listening(let control, let data) = notice { announce.yield((control, data)) }
            }
        }
        var iterator = listening.makeAsyncIterator()
        let (control, data) = try #require(await iterator.next())
        try peer(control, data)
        let worker = WorkerServiceConfiguration(
            coordinator: control, instructionSet: "avx512", build: "test", computers: FakeComputers())
        _ = try await WorkerService(configuration: worker).run()
        return try await task.value
    }

    /// Sends a message and waits for the first answer.
    private static func ask(
        _ socket: ZeroMQSocket, _ session: SessionID, _ message: Message, payload: [UInt8] = []
    ) throws -> Message {
        let packet = Packet(Envelope(session: session, sequence: 1, message: message), payload: payload)
        let frames = try PacketCodec.frames(packet)
        while try socket.send(frames) != .sent {
            _ = try ZeroMQSocket.wait([(socket, true)], descriptors: [], timeout: .seconds(5))
        }
        while true {
            if let (_, frames) = try socket.receive() { return try PacketCodec.packet(frames).envelope.message }
            _ = try ZeroMQSocket.wait([(socket, false)], descriptors: [], timeout: .seconds(5))
        }
    }

    private static let hello = Message.hello(
        Hello(build: "test", node: "elsewhere", process: 1, localRank: 0, instructionSet: "avx512"))

    @Test func aWorkerThatVanishesInTheMiddleOfAShardLosesIt() async throws {
        let job = try FakeComputation.job(samples: 8, perShard: 2, delivery: .stream)
        let outcome = try await Self.run(job, lease: .milliseconds(300)) { control, _ in
            let socket = try ZeroMQSocket(.dealer, .control)
            try socket.connect(Endpoint(control))
            let session = SessionID(high: 1, low: 2)
            guard case .welcome = try Self.ask(socket, session, Self.hello),
                case .lease = try Self.ask(socket, session, .leaseRequest)
            else { throw FakeComputation.Refusal(text: "no lease") }
        }
        #expect(outcome.statistics == FakeComputation.statistics(0..<8, filler: 0))
    }

    @Test func commitsAreCountedOnceHoweverOftenTheyAreSent() async throws {
        let job = try FakeComputation.job(samples: 8, perShard: 2, delivery: .stream)
        let outcome = try await Self.run(job) { control, data in
            let socket = try ZeroMQSocket(.dealer, .control)
            try socket.connect(Endpoint(control))
            let upload = try ZeroMQSocket(.dealer, .data)
            try upload.connect(Endpoint(data))
            let session = SessionID(high: 3, low: 4)
            _ = try Self.ask(socket, session, Self.hello)
            guard case .lease(let lease) = try Self.ask(socket, session, .leaseRequest) else {
                throw FakeComputation.Refusal(text: "no lease")
            }
            let bytes = FakeComputation.statistics(lease.shard.shard * 2..<lease.shard.shard * 2 + 2, filler: 0)
            let digest = ContentDigest(of: bytes)
            let commit = Message.commit(
                Commit(shard: lease.shard, epoch: 1, digest: digest, size: bytes.count, samples: 2))
            // Before the upload it is not there.
            guard case .commitAck(_, .missing, _, _) = try Self.ask(socket, session, commit) else {
                throw FakeComputation.Refusal(text: "not missing")
            }
            _ = try Self.ask(upload, session, .putOpen(digest: digest, size: bytes.count))
            guard
                case .error = try Self.ask(
                    upload, session, .putChunk(digest: ContentDigest(of: []), offset: 0), payload: [1])
            else { throw FakeComputation.Refusal(text: "an unannounced upload was taken") }
            _ = try Self.ask(upload, session, .putChunk(digest: digest, offset: 0), payload: bytes)
            guard case .commitAck(_, .accepted, _, _) = try Self.ask(socket, session, commit) else {
                throw FakeComputation.Refusal(text: "not accepted")
            }
            for _ in 0..<50 {
                guard case .commitAck(_, .duplicate, _, _) = try Self.ask(socket, session, commit) else {
                    throw FakeComputation.Refusal(text: "not a duplicate")
                }
            }
            _ = try Self.ask(socket, session, .heartbeat(progress: [], residentBytes: 0))
            let goodbye = Packet(Envelope(session: session, sequence: 2, message: .goodbye(text: "")))
            _ = try socket.send(PacketCodec.frames(goodbye))
        }
        #expect(outcome.statistics == FakeComputation.statistics(0..<8, filler: 0) && outcome.conflicts == [])
    }

    @Test func malformedAndOversizeFramesAreDropped() async throws {
        let job = try FakeComputation.job(samples: 8, perShard: 2, delivery: .stream)
        let outcome = try await Self.run(job) { control, data in
            var generator = SeededGenerator(seed: 77)
            for address in [control, data] {
                let socket = try ZeroMQSocket(.dealer, .control)
                try socket.connect(Endpoint(address))
                for round in 0..<2000 {
                    var frames = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                        (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                            UInt8.random(in: 0...255, using: &generator)
                        }
                    }
                    if round == 1500 { frames = [[UInt8](repeating: 1, count: 1 << 20)] }
                    while try socket.send(frames) != .sent {
                        _ = try ZeroMQSocket.wait([(socket, true)], descriptors: [], timeout: .seconds(1))
                    }
                }
            }
        }
        #expect(outcome.statistics == FakeComputation.statistics(0..<8, filler: 0))
    }
}
