import Dispatch
import Foundation
import Glibc
import Synchronization

/// A TCP connection of bytes, without anything that knows HTTP.
///
/// Everything blocks a thread of its own: the server's tasks run in the same process and need theirs. A read that takes
/// 60 seconds fails.
final class RawConnection: Sendable {
    struct Answer: Sendable {
        var status: Int
        var fields: [String: String]
        var body: String
    }

    struct Failure: Error {
        var text: String
    }

    private let descriptor: Int32
    private let received = Mutex<[UInt8]>([])
    private let queue = DispatchQueue(label: "raw-connection")

    static func open(port: Int) async throws -> RawConnection {
        try await run(on: DispatchQueue(label: "raw-connect")) { try RawConnection(port: port) }
    }

    private static func run<Value: Sendable>(
        on queue: DispatchQueue, _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try work() }) }
        }
    }

    private init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(text: "socket: \(errno)") }
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // Complete by now, so that `deinit` closes the descriptor of a connection that fails.
        guard status == 0 else { throw Failure(text: "connect: \(errno)") }
    }

    deinit {
        close(descriptor)
    }

    /// Sends a text.
    ///
    /// - Returns: Whether the peer still takes any.
    @discardableResult
    func send(_ text: String) async throws -> Bool { try await send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) async throws -> Bool {
        try await Self.run(on: queue) { self.sendBlocking(bytes) }
    }

    private func sendBlocking(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let rest = Array(bytes[sent...])
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Says that nothing more will be sent.
    func finishSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Waits until the peer closes the connection, and gives what came before.
    func untilClosed() async throws -> String {
        try await Self.run(on: queue) {
            while try self.receive() {}
            return String(decoding: self.received.withLock { $0 }, as: UTF8.self)
        }
    }

    /// Whether the peer has closed the connection by now.
    var isClosed: Bool {
        var byte: UInt8 = 0
        let count = unsafe recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK))
        return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
    }

    /// The next answer.
    func answer(hasBody: Bool = true) async throws -> Answer {
        try await Self.run(on: queue) {
            let head = try self.take { bytes in
                let separator = Array("\r\n\r\n".utf8)
                return bytes.indices.first { bytes[$0...].starts(with: separator) }.map { $0 + separator.count }
            }
            let lines = head.components(separatedBy: "\r\n")
            var fields: [String: String] = [:]
            for line in lines.dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2 else { continue }
                fields[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
            }
            guard let status = lines.first.flatMap({ Int($0.split(separator: " ").dropFirst().first ?? "") }) else {
                throw Failure(text: "no status in \(lines)")
            }
            let length = hasBody ? fields["content-length"].flatMap { Int($0) } ?? 0 : 0
            let body = try self.take { $0.count >= length ? length : nil }
            return Answer(status: status, fields: fields, body: body)
        }
    }

    /// Receives until `end` finds one, and takes everything before it.
    private func take(upTo end: ([UInt8]) -> Int?) throws -> String {
        while true {
            let text: String? = received.withLock { bytes in
                guard let count = end(bytes) else { return nil }
                defer { bytes.removeFirst(count) }
                return String(decoding: bytes.prefix(count), as: UTF8.self)
            }
            if let text { return text }
            guard try receive() else { throw Failure(text: "closed before the end of the answer") }
        }
    }

    private func receive() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        if count < 0 {
            // A reset is an end too.
            if errno == ECONNRESET { return false }
            throw Failure(text: "recv: \(errno)")
        }
        let new = buffer.prefix(count)
        received.withLock { $0 += new }
        return count > 0
    }
}
