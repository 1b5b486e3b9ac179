internal import ControlAPI
internal import NIOCore

/// Where and for whom the HTTP server listens, and its bounds.
public struct HTTPConfiguration: Sendable {
    /// Where the server listens when nothing is said.
    public static let defaultAddress = "127.0.0.1:7780"

    /// Name or address to listen at, without brackets.
    public let host: String
    /// Port; 0 takes any that is free.
    public let port: Int
    /// What clients show to change something; without one nothing can be changed.
    public let token: AccessToken?
    /// Whether reading needs the token too, because others than this machine can connect.
    public let needsTokenToRead: Bool

    /// How long a client may take to send the head of its next request.
    public var headLimit: Duration = .seconds(10)
    /// How long a client may take to send a body.
    public var bodyLimit: Duration = .seconds(10)
    /// How long making and sending an answer may take.
    public var responseLimit: Duration = .seconds(30)
    /// How long the coordinator may take to say that it lives.
    public var livenessLimit: Duration = .seconds(2)
    /// How long the coordinator may take to answer anything else.
    public var answerLimit: Duration = .seconds(10)
    /// How long requests under way may take when the server is stopped.
    public var stopGrace: Duration = .seconds(5)
    /// Connections at once; more wait to be accepted.
    public var connections = 512
    /// Bytes of all header fields of a request.
    public var headBytes = 16_384
    /// Header fields of a request.
    public var headFields = 64

    let hosts: HostPolicy

    /// Checks where to listen.
    ///
    /// - Parameters:
    ///   - address: `HOST:PORT` or `[IPV6]:PORT`.
    ///   - token: What clients show to change something.
    ///   - allowsRemote: Whether others than this machine may connect, which was asked for explicitly.
    ///   - hostNames: Names by which clients may know this server besides `localhost` and its addresses.
    /// - Throws: For a malformed address, or one that others can reach without `allowsRemote` and a token.
    public init(
        address: String = HTTPConfiguration.defaultAddress, token: AccessToken? = nil, allowsRemote: Bool = false,
        hostNames: [String] = []
    ) throws(HTTPConfigurationError) {
        guard let colon = address.lastIndex(of: ":"), let host = HostPolicy.name(of: address),
            let port = Query.number(String(address[address.index(after: colon)...]), as: UInt16.self)
        else { throw .address(address) }
        // An IPv6 address without brackets would lose its end.
        guard !host.contains(":") || address.hasPrefix("[") else { throw .address(address) }
        let isRemote = !HostPolicy.isLoopback(host)
        if isRemote {
            guard allowsRemote else { throw .remote(address) }
            guard token != nil else { throw .remoteWithoutToken(address) }
        }
        self.host = host
        self.port = Int(port)
        self.token = token
        needsTokenToRead = isRemote
        hosts = HostPolicy(names: isRemote ? hostNames + [host] : hostNames, listensRemotely: isRemote)
    }
}

/// Why the HTTP server cannot listen as it was told.
public enum HTTPConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It is no address.
    case address(String)
    /// Others can reach it, and nobody asked for that.
    case remote(String)
    /// Others can reach it, and nothing would keep them out.
    case remoteWithoutToken(String)

    /// The address, the reason and the remedy.
    public var description: String {
        switch self {
        case .address(let address):
            "'\(address)' is no address to listen at; write HOST:PORT, for example \(HTTPConfiguration.defaultAddress)"
        case .remote(let address):
            "Others than this machine can reach \(address); add --http-remote if that is wanted"
        case .remoteWithoutToken(let address):
            "Others than this machine can reach \(address), so reading needs a token too; add --http-token-file FILE"
        }
    }
}
