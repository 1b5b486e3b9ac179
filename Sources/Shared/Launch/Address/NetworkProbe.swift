internal import Glibc
public import Wire

/// Looks whether a coordinator can be reached, step by step, without speaking its protocol.
public enum NetworkProbe {
    /// Why a step failed.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// The reason.
        public let description: String
        /// Whether it may pass: a name server that does not answer, a host that is not up yet.
        public let mayPass: Bool
    }

    /// The numeric addresses of a host.
    ///
    /// - Parameter host: A name, an IPv4 address, or an IPv6 address, which may be in brackets.
    /// - Returns: The addresses in the resolver's order, at least one.
    /// - Throws: `Failure` with the resolver's reason.
    public static func addresses(of host: String) throws(Failure) -> [String] {
        var texts: [String] = []
        try unsafe forEachAddress(of: host, port: 0) { (address, length, _) in
            var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let code = unsafe getnameinfo(
                address, length, &buffer, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
            guard code == 0 else { return false }
            let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if !texts.contains(text) { texts.append(text) }
            return false
        }
        return texts
    }

    /// Connects to an endpoint and closes the connection again.
    ///
    /// - Parameters:
    ///   - endpoint: `tcp://HOST:PORT` or `ipc://PATH`.
    ///   - timeout: How long each address may take.
    /// - Throws: `Failure` with the reason of the last address.
    public static func connect(to endpoint: Endpoint, timeout: Duration) throws(Failure) {
        if let path = endpoint.path { return try connect(toPath: path) }
        guard let host = endpoint.host, let port = endpoint.port else {
            throw Failure(description: "\(endpoint) is no address to connect to", mayPass: false)
        }
        var last: Int32 = EADDRNOTAVAIL
        var isConnected = false
        try unsafe forEachAddress(of: host, port: port) { (address, length, family) in
            last = unsafe attempt(address, length, family: family, timeout: timeout)
            isConnected = last == 0
            return isConnected
        }
        guard isConnected else { throw Failure(description: text(of: last), mayPass: true) }
    }

    /// Calls `body` with each address of a host until it returns `true`.
    private static func forEachAddress(
        of host: String, port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t, Int32) -> Bool
    ) throws(Failure) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let name = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        let code = unsafe getaddrinfo(name, "\(port)", &hints, &list)
        guard code == 0 else {
            let reason = code == EAI_SYSTEM ? text(of: errno) : unsafe String(cString: gai_strerror(code))
            throw Failure(description: reason, mayPass: [EAI_AGAIN, EAI_NONAME, -5].contains(code))
        }
        defer { unsafe freeaddrinfo(list) }
        var entry = unsafe list
        while let current = unsafe entry {
            if let address = unsafe current.pointee.ai_addr,
                unsafe body(UnsafePointer(address), current.pointee.ai_addrlen, current.pointee.ai_family)
            {
                return
            }
            unsafe entry = current.pointee.ai_next
        }
    }

    private static func connect(toPath path: String) throws(Failure) {
        guard var address = UnixSocketAddress(path: path) else {
            throw Failure(description: "the path is too long for a socket", mayPass: false)
        }
        let code = unsafe address.withPointer { (pointer, length) in
            unsafe attempt(pointer, length, family: AF_UNIX, timeout: .seconds(1))
        }
        guard code == 0 else { throw Failure(description: text(of: code), mayPass: true) }
    }

    /// - Returns: 0, or the error number.
    private static func attempt(
        _ address: UnsafePointer<sockaddr>, _ length: socklen_t, family: Int32, timeout: Duration
    ) -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        if unsafe Glibc.connect(descriptor, address, length) == 0 { return 0 }
        guard errno == EINPROGRESS else { return errno }
        let deadline = ContinuousClock.now + timeout
        while true {
            let rest = deadline - ContinuousClock.now
            guard rest > .zero else { return ETIMEDOUT }
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let (seconds, attoseconds) = rest.components
            let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1
            let count = unsafe poll(&entry, 1, Int32(min(milliseconds, 3_600_000)))
            if count < 0, errno != EINTR { return errno }
            guard count > 0 else { continue }
            var code: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else { return errno }
            return code
        }
    }

    private static func text(of code: Int32) -> String {
        unsafe String(cString: strerror(code))
    }
}
