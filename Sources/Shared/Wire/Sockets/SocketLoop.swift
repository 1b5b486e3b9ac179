internal import Foundation
internal import Synchronization

/// What runs on a socket thread.
public protocol SocketLoopHandler: AnyObject {
    /// What other threads ask of it.
    associatedtype Command: Sendable
    /// Takes a message.
    func received(_ packet: Packet, from peer: PeerAddress?)
    /// Takes note of frames that are no message.
    func rejected(_ error: WireError, from peer: PeerAddress?)
    /// Takes note of how a connection's handshake ended, on a socket that watches them.
    func handshakeEnded(_ outcome: HandshakeOutcome)
    /// Carries out a command.
    func handle(_ command: Command)
    /// Called when `deadline` has come.
    func deadlineReached()
    /// When to call `deadlineReached`, on the clock of `MonotonicClock`.
    var deadline: Duration? { get }
    /// Whether to leave the loop.
    var isFinished: Bool { get }
}

extension SocketLoopHandler {
    /// Nothing: most handlers do not care.
    public func handshakeEnded(_ outcome: HandshakeOutcome) {}
}

/// The time that the cores are told: since the start of the machine, never set back.
public enum MonotonicClock {
    private static let origin = ContinuousClock.now

    /// Now.
    public static var now: Duration { ContinuousClock.now - origin + .seconds(1) }
}

/// Waits on one socket and a mailbox and hands everything to a handler, on the thread that calls `run`.
public final class SocketLoop<Handler: SocketLoopHandler> {
    private let socket: ZeroMQSocket
    private let mailbox: Mailbox<Handler.Command>
    private var outgoing: [[[UInt8]]] = []
    /// Messages that a router's peer did not take: the protocol repeats them.
    public private(set) var droppedCount = 0
    private let isRouter: Bool

    /// Makes a loop around a socket.
    public init(socket: ZeroMQSocket, mailbox: Mailbox<Handler.Command>, isRouter: Bool) {
        self.socket = socket
        self.mailbox = mailbox
        self.isRouter = isRouter
    }

    /// Sends a packet, or queues it until the socket takes it.
    ///
    /// A router never queues: one peer that does not read must not hold up the others, and every message that matters is
    /// sent again when it is asked for again. A dealer keeps at most 64 messages for the same reason.
    public func send(_ packet: Packet, to peer: PeerAddress? = nil) throws {
        let frames = try PacketCodec.frames(packet)
        if isRouter {
            if try socket.send(frames, to: peer) != .sent { droppedCount += 1 }
            return
        }
        outgoing.append(frames)
        if outgoing.count > 64 {
            outgoing.removeFirst()
            droppedCount += 1
        }
        try flush()
    }

    private func flush() throws(ZeroMQError) {
        while let first = outgoing.first, try socket.send(first) == .sent {
            outgoing.removeFirst()
        }
    }

    /// Runs until the handler is finished.
    ///
    /// - Parameters:
    ///   - handler: Who takes what comes.
    ///   - lifeline: A descriptor whose closing at the other end finishes the loop, `nil` for none.
    /// - Returns: Whether the lifeline ended the loop.
    /// - Throws: `ZeroMQError` when the library refuses something.
    public func run(_ handler: Handler, lifeline: Int32? = nil) throws(ZeroMQError) -> Bool {
        while !handler.isFinished {
            let now = MonotonicClock.now
            if let deadline = handler.deadline, deadline <= now {
                handler.deadlineReached()
                continue
            }
            let ready = try ZeroMQSocket.wait(
                [(socket, !outgoing.isEmpty)], descriptors: [mailbox.descriptor] + (lifeline.map { [$0] } ?? []),
                timeout: handler.deadline.map { $0 - now })
            if ready[0] {
                for command in mailbox.takeAll() { handler.handle(command) }
            }
            if ready.count > 1, ready[1] { return true }
            try flush()
            for _ in 0..<256 where !handler.isFinished {
                guard let outcome = try socket.nextHandshake() else { break }
                handler.handshakeEnded(outcome)
            }
            // A bounded number of messages, so that deadlines and commands get their turn.
            for _ in 0..<256 where !handler.isFinished {
                guard let (peer, frames) = try socket.receive() else { break }
                do throws(WireError) {
                    handler.received(try PacketCodec.packet(frames), from: peer)
                } catch {
                    handler.rejected(error, from: peer)
                }
            }
        }
        return false
    }
}

/// A thread with a name, whose end can be awaited.
public final class ServiceThread: Sendable {
    private struct State {
        var isEnded = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Starts a thread.
    public init(name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread { [self] in
            body()
            let waiting = state.withLock { state in
                state.isEnded = true
                let waiting = state.waiting
                state.waiting = []
                return waiting
            }
            for continuation in waiting { continuation.resume() }
        }
        thread.name = name
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Waits for the end of the thread.
    public func ended() async {
        await withCheckedContinuation { continuation in
            let isEnded = state.withLock { state in
                if !state.isEnded { state.waiting.append(continuation) }
                return state.isEnded
            }
            if isEnded { continuation.resume() }
        }
    }
}
