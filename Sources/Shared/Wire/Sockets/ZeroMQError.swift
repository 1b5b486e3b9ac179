internal import CZeroMQ
internal import Glibc

/// Why a socket operation failed.
public struct ZeroMQError: Error, Sendable, Hashable {
    /// What was tried, with the endpoint where there is one.
    public var operation: String
    /// The error number.
    public var code: Int32
    /// The library's words for it.
    public var reason: String

    init(_ operation: String, code: Int32 = zmq_errno()) {
        self.operation = operation
        self.code = code
        reason = unsafe zmq_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }

    init(_ operation: String, reason: String) {
        self.operation = operation
        code = 0
        self.reason = reason
    }
}

extension ZeroMQError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch code {
        case EADDRINUSE:
            "\(operation): the address is in use; another coordinator may be running, or choose another port"
        case EADDRNOTAVAIL, ENODEV: "\(operation): \(reason); the address is not one of this machine"
        case EACCES, EPERM: "\(operation): \(reason); choose a folder or port this user may use"
        default: "\(operation): \(reason)"
        }
    }
}
