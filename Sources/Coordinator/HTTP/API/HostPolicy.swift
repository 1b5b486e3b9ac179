internal import NIOCore

/// Which names and origins a request may have.
///
/// A web page can have its own name resolve to 127.0.0.1 and then talk to a server there as to its own (DNS rebinding).
/// The browser still sends that name as `Host`, so names that nobody configured are refused. Addresses in digits cannot
/// be rebound; they are allowed where the server can be reached by more than loopback.
struct HostPolicy: Sendable {
    private let names: Set<String>
    private let allowsAddresses: Bool

    /// Allows loopback, and more when the server listens on more.
    init(names: [String], listensRemotely: Bool) {
        self.names = Set(names.map { $0.lowercased() })
        allowsAddresses = listensRemotely
    }

    /// Whether a request with this `Host` is meant for this server.
    func allows(host: String) -> Bool {
        guard let name = Self.name(of: host) else { return false }
        if Self.isLoopback(name) || names.contains(name) { return true }
        return allowsAddresses && (try? SocketAddress(ipAddress: name, port: 0)) != nil
    }

    /// Whether a page that makes this request belongs to this server, or it is no page at all.
    func allows(origin: String?, fetchSite: String?, host: String) -> Bool {
        if let fetchSite, fetchSite != "same-origin", fetchSite != "none" { return false }
        guard let origin else { return true }
        // The scheme may differ: a proxy may have ended TLS.
        for scheme in ["http://", "https://"] where origin.lowercased() == scheme + host.lowercased() { return true }
        return false
    }

    /// Whether a name or an address is of this machine alone.
    static func isLoopback(_ name: String) -> Bool {
        if name.lowercased() == "localhost" { return true }
        guard let address = try? SocketAddress(ipAddress: name, port: 0) else { return false }
        switch address {
        case .v4: return name.hasPrefix("127.")
        case .v6: return address.ipAddress == "::1"
        case .unixDomainSocket: return false
        }
    }

    /// The host without its port, in lower case; an IPv6 address without its brackets.
    static func name(of host: String) -> String? {
        let host = host.lowercased()
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]"), isPort(host[host.index(after: end)...]) else { return nil }
            return String(host[host.index(after: host.startIndex)..<end])
        }
        let end = host.firstIndex(of: ":") ?? host.endIndex
        guard end > host.startIndex, isPort(host[end...]) else { return nil }
        return String(host[..<end])
    }

    private static func isPort(_ text: Substring) -> Bool {
        guard let colon = text.first else { return true }
        return colon == ":" && text.dropFirst().utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
