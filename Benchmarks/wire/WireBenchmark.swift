import Calibration
import Foundation
import Wire

/// What encryption costs on the data socket: throughput, processor time, round trips, and connections a second.
@main
struct WireBenchmark {
    private static let chunk = [UInt8](repeating: 7, count: WireLimits.chunkBytes)
    private static let digest = ContentDigest(of: [])
    private static let session = SessionID(high: 1, low: 1)

    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        let mebibytes = arguments.first ?? 1024
        let rounds = arguments.dropFirst().first ?? 5
        print("\(mebibytes) MiB in chunks of \(WireLimits.chunkBytes) bytes, \(rounds) rounds, medians")
        var throughput: [String: [Measurement]] = [:]
        // Interleaved, so that a busy moment of the machine hits all alike.
        for _ in 0..<rounds {
            for (name, isEncrypted, isLocal) in [
                ("ipc", false, true), ("tcp", false, false), ("tcp CURVE", true, false),
            ] {
                throughput[name, default: []].append(
                    try download(mebibytes: mebibytes, Server(isEncrypted: isEncrypted, isLocal: isLocal)))
            }
        }
        for name in ["ipc", "tcp", "tcp CURVE"] {
            let runs = throughput[name] ?? []
            let rate = runs.map(\.rate).sorted()[runs.count / 2]
            let processor = runs.map(\.processorPerGibibyte).sorted()[runs.count / 2]
            print("\(name): \(Int(rate)) MiB/s, \(format(processor)) s of processor time per GiB (both sides)")
        }
        for (name, isEncrypted) in [("tcp", false), ("tcp CURVE", true)] {
            let times = try roundTrips(count: 5000, Server(isEncrypted: isEncrypted, isLocal: false)).sorted()
            print(
                "\(name): round trip of 100 bytes: median \(format(times[2500] * 1e6)) us, 99 % \(format(times[4950] * 1e6)) us"
            )
        }
        let count = 200
        let time = try connections(count: count, Server(isEncrypted: true, isLocal: false))
        print("tcp CURVE: \(Int(Double(count) / time)) connections a second, one after the other")
    }

    private struct Measurement {
        var rate: Double
        var processorPerGibibyte: Double
    }

    private static func format(_ value: Double) -> String { String(format: "%.2f", value) }

    private static func seconds(_ work: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try work()
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }

    /// A worker's download: asks for as many chunks as its credit allows, as `DataClient` does.
    private static func download(mebibytes: Int, _ server: Server) throws -> Measurement {
        let client = try server.client(.data)
        let total = mebibytes << 20
        var (received, requested) = (0, 0)
        let before = clock()
        let time = try seconds {
            while received < total {
                let outstanding = (requested - received) / WireLimits.chunkBytes
                if requested < total, outstanding <= WireLimits.creditChunks / 2 {
                    let chunks = WireLimits.creditChunks - outstanding
                    try send(.get(digest: digest, offset: requested, chunks: chunks), through: client)
                    requested += chunks * WireLimits.chunkBytes
                }
                for packet in try receive(client) { received += packet.payload.count }
            }
        }
        let processor = Double(clock() - before) / Double(CLOCKS_PER_SEC)
        try server.stop()
        return Measurement(
            rate: Double(mebibytes) / time, processorPerGibibyte: processor / Double(mebibytes) * 1024)
    }

    private static func roundTrips(count: Int, _ server: Server) throws -> [Double] {
        let client = try server.client(.control)
        let text = String(repeating: "x", count: 60)
        let times = try (0..<count).map { _ in
            try seconds {
                try send(.goodbye(text: text), through: client)
                _ = try receive(client)
            }
        }
        try server.stop()
        return times
    }

    private static func connections(count: Int, _ server: Server) throws -> Double {
        let time = try seconds {
            for _ in 0..<count {
                let client = try server.client(.control)
                try send(.goodbye(text: ""), through: client)
                _ = try receive(client)
            }
        }
        try server.stop()
        return time
    }

    private static func send(_ message: Message, through client: ZeroMQSocket) throws {
        let frames = try PacketCodec.frames(Packet(Envelope(session: session, sequence: 1, message: message)))
        while try client.send(frames) != .sent {
            _ = try ZeroMQSocket.wait([(client, true)], descriptors: [], timeout: .seconds(10))
        }
    }

    private static func receive(_ client: ZeroMQSocket) throws -> [Packet] {
        var packets: [Packet] = []
        while packets.isEmpty {
            while let (_, frames) = try client.receive() { packets.append(try PacketCodec.packet(frames)) }
            if packets.isEmpty { _ = try ZeroMQSocket.wait([(client, false)], descriptors: [], timeout: .seconds(10)) }
        }
        return packets
    }

    /// A router on a thread of its own that answers Get with chunks and anything else with itself.
    private struct Server {
        private enum Command: Sendable {
            case stop
        }

        private let endpoint: Endpoint
        private let security: SocketSecurity
        private let mailbox: Mailbox<Command>
        private let ended = DispatchSemaphore(value: 0)

        init(isEncrypted: Bool, isLocal: Bool) throws {
            let (serverKeys, clientKeys) = (try KeyPair.generate(), try KeyPair.generate())
            let entry = AuthorizedKey(key: clientKeys.publicKey, role: .worker, name: "client")
            let serverSecurity: SocketSecurity =
                isEncrypted
                ? .server(try Authenticator(AuthorizedKeys([entry])).security(for: serverKeys)) : .unprotected
            security =
                isEncrypted
                ? .client(ClientSecurity(keys: clientKeys, serverKey: serverKeys.publicKey)) : .unprotected
            let requested = try Endpoint(
                isLocal ? "ipc:///tmp/tare-benchmark-\(ProcessInfo.processInfo.processIdentifier)" : "tcp://127.0.0.1:*"
            )
            let mailbox = try Mailbox<Command>()
            let bound = Mailbox<Endpoint>.self
            let answers = try bound.init()
            _ = ServiceThread(name: "server") { [ended] in
                do {
                    let socket = try ZeroMQSocket(.router, .data, security: serverSecurity)
                    answers.post(try socket.bind(requested))
                    let loop = SocketLoop<Handler>(socket: socket, mailbox: mailbox, isRouter: true)
                    let handler = Handler { packet, peer in try loop.send(packet, to: peer) }
                    _ = try loop.run(handler)
                } catch {
                    print("The server failed: \(error)")
                }
                ended.signal()
            }
            _ = try ZeroMQSocket.wait([], descriptors: [answers.descriptor], timeout: .seconds(10))
            guard let endpoint = answers.takeAll().first else { throw CocoaError(.featureUnsupported) }
            self.endpoint = endpoint
            self.mailbox = mailbox
        }

        func client(_ options: ZeroMQSocket.Options) throws -> ZeroMQSocket {
            let socket = try ZeroMQSocket(.dealer, options, security: security)
            try socket.connect(endpoint)
            return socket
        }

        func stop() throws {
            mailbox.post(.stop)
            ended.wait()
        }

        private final class Handler: SocketLoopHandler {
            let send: (Packet, PeerAddress) throws -> Void
            private(set) var isFinished = false
            let deadline: Duration? = nil

            init(send: @escaping (Packet, PeerAddress) throws -> Void) {
                self.send = send
            }

            func received(_ packet: Packet, from peer: PeerAddress?) {
                guard let peer else { return }
                do {
                    guard case .get(let digest, let offset, let chunks) = packet.envelope.message else {
                        return try send(packet, peer)
                    }
                    for index in 0..<chunks {
                        let answer = Message.chunk(
                            digest: digest, offset: offset + index * WireLimits.chunkBytes, total: 1 << 40)
                        try send(
                            Packet(Envelope(session: session, sequence: 1, message: answer), payload: chunk), peer)
                    }
                } catch {
                    print("An answer failed: \(error)")
                }
            }

            func rejected(_ error: WireError, from peer: PeerAddress?) { print("Rejected: \(error)") }
            func handle(_ command: Command) { isFinished = true }
            func deadlineReached() {}
        }
    }
}
