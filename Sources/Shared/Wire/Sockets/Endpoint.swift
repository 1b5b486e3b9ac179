/// Where a socket listens or connects: `tcp://HOST:PORT` or `ipc://PATH`.
public struct Endpoint: Hashable, Sendable {
    /// The longest path of a socket in the file system, in bytes.
    public static let maximumPathBytes = 107

    /// The text, as the library takes it.
    public let text: String

    /// Reads an endpoint.
    ///
    /// - Throws: `ZeroMQError` that says what is wrong with the text.
    public init(_ text: String) throws(ZeroMQError) {
        self.text = text
        let operation = "Reading the endpoint '\(text)'"
        if text.hasPrefix("ipc://") {
            let path = text.dropFirst(6)
            guard !path.isEmpty, path.utf8.count <= Self.maximumPathBytes else {
                throw ZeroMQError(
                    operation,
                    reason:
                        "a socket's path has 1 to \(Self.maximumPathBytes) bytes; set TMPDIR to a folder with a shorter name"
                )
            }
            return
        }
        guard text.hasPrefix("tcp://"), let colon = text.lastIndex(of: ":"),
            text.distance(from: text.startIndex, to: colon) > 6
        else {
            throw ZeroMQError(operation, reason: "it must be tcp://HOST:PORT or ipc://PATH")
        }
        let port = text[text.index(after: colon)...]
        guard port == "*" || UInt16(port) != nil, text.utf8.count <= WireLimits.endpointBytes else {
            throw ZeroMQError(operation, reason: "the port must be a number from 0 to 65535")
        }
    }

    /// The host of a tcp endpoint.
    public var host: String? {
        guard text.hasPrefix("tcp://"), let colon = text.lastIndex(of: ":") else { return nil }
        return String(text[text.index(text.startIndex, offsetBy: 6)..<colon])
    }

    /// The port of a tcp endpoint; 0 for one that the system chooses.
    public var port: Int? {
        guard host != nil, let colon = text.lastIndex(of: ":") else { return nil }
        return Int(text[text.index(after: colon)...]) ?? 0
    }

    /// The path of an ipc endpoint.
    public var path: String? { text.hasPrefix("ipc://") ? String(text.dropFirst(6)) : nil }

    /// The endpoint with `*` as host, as it is told to a worker, which puts in the host by which it came.
    public var withoutHost: Endpoint {
        get throws(ZeroMQError) {
            guard let port else { return self }
            return try Endpoint("tcp://*:\(port)")
        }
    }

    /// This endpoint with the host of another in place of `*`.
    public func resolved(against other: Endpoint) throws(ZeroMQError) -> Endpoint {
        guard host == "*", let port, let otherHost = other.host else { return self }
        return try Endpoint("tcp://\(otherHost):\(port)")
    }

    /// The endpoint for another socket beside this one: the next port, or the path with a suffix.
    public func companion() throws(ZeroMQError) -> Endpoint {
        if let path { return try Endpoint("ipc://\(path).data") }
        guard let host, let port else { return self }
        guard port < 65_535 else {
            throw ZeroMQError("Listening at \(text)", reason: "the data socket needs port 65536")
        }
        return try Endpoint("tcp://\(host):\(port == 0 ? "*" : "\(port + 1)")")
    }

    /// Whether only this machine can reach the endpoint: a socket in the file system, or a loopback address.
    public var isLocal: Bool {
        guard let host else { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let isLoopbackAddress = parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
        return isLoopbackAddress || ["localhost", "[::1]", "lo"].contains(host)
    }

    /// The endpoint by which this machine reaches a socket that listens here, also at all addresses.
    public var reachableHere: Endpoint {
        get throws(ZeroMQError) {
            guard let host, let port else { return self }
            switch host {
            case "*", "0.0.0.0": return try Endpoint("tcp://127.0.0.1:\(port)")
            case "[::]": return try Endpoint("tcp://[::1]:\(port)")
            default: return self
            }
        }
    }

    /// Without encryption and keys only this machine may be served.
    ///
    /// - Throws: `ZeroMQError` for an endpoint that other machines can reach.
    public func checkBindable() throws(ZeroMQError) {
        guard !isLocal else { return }
        throw ZeroMQError(
            "Listening at \(text)",
            reason:
                "without encryption the coordinator listens on this machine only; make keys with 'tare keygen' and give "
                + "them with --keys, or use tcp://127.0.0.1:PORT or an ipc endpoint")
    }

    /// Without encryption and keys only a coordinator on this machine may be joined.
    ///
    /// - Throws: `ZeroMQError` for an endpoint on another machine.
    public func checkConnectable() throws(ZeroMQError) {
        guard !isLocal else { return }
        throw ZeroMQError(
            "Connecting to \(text)",
            reason:
                "without encryption only a coordinator on this machine can be joined; give --key and --server-key")
    }
}

extension Endpoint: CustomStringConvertible {
    /// The text.
    public var description: String { text }
}
