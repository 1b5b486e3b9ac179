internal import Glibc

/// Tells systemd how a service of `Type=notify` is doing: one datagram to the socket that `NOTIFY_SOCKET` names.
public struct ServiceNotifier: Hashable, Sendable {
    /// What a service tells.
    public enum State: Hashable, Sendable {
        /// It is ready to serve.
        case ready
        /// A line for `systemctl status`.
        case status(String)
        /// It is alive; due at least every `watchdogInterval`.
        case watchdog
        /// It begins to end.
        case stopping

        fileprivate var line: String {
            switch self {
            case .ready: "READY=1"
            // A line break would begin another assignment.
            case .status(let text): "STATUS=" + text.replacing("\n", with: " ")
            case .watchdog: "WATCHDOG=1"
            case .stopping: "STOPPING=1"
            }
        }
    }

    /// Why nothing could be told.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// The thing and the reason.
        public let description: String
    }

    private let socketPath: String
    /// How often `watchdog` should be told: half of what the unit allows; `nil` when it has no watchdog.
    public let watchdogInterval: Duration?

    /// Finds the service manager in an environment; `nil` when there is none, as outside systemd.
    ///
    /// - Parameters:
    ///   - variables: The environment.
    ///   - process: The id of this process; a watchdog of another process is none of ours.
    public init?(variables: [String: String], process: Int) {
        guard let path = variables["NOTIFY_SOCKET"], path.hasPrefix("/") || path.hasPrefix("@") else { return nil }
        socketPath = path
        let isOurs = variables["WATCHDOG_PID"].map { $0 == "\(process)" } ?? true
        if isOurs, let microseconds = variables["WATCHDOG_USEC"].flatMap(Int64.init), microseconds > 0 {
            watchdogInterval = .microseconds(microseconds) / 2
        } else {
            watchdogInterval = nil
        }
    }

    /// Tells something, all of it in one datagram.
    ///
    /// - Throws: `Failure` when the socket cannot be reached.
    public func notify(_ states: State...) throws(Failure) {
        let bytes = Array(states.map(\.line).joined(separator: "\n").utf8)
        guard var address = UnixSocketAddress(path: socketPath) else {
            throw Failure(description: "NOTIFY_SOCKET=\(socketPath) is no socket's address")
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        let count = unsafe address.withPointer { (pointer, length) in
            unsafe sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), pointer, length)
        }
        guard count == bytes.count else { throw failure(errno) }
    }

    private func failure(_ code: Int32) -> Failure {
        Failure(
            description:
                "The service manager at \(socketPath) cannot be told: \(unsafe String(cString: strerror(code)))")
    }
}
