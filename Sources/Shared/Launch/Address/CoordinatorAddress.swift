public import Foundation
public import Wire

/// Where a coordinator is reached, and by which key it is known.
public struct CoordinatorAddress: Hashable, Sendable, Codable {
    private static let currentFormat = "tare-address-1"

    private var format = CoordinatorAddress.currentFormat
    /// The control socket, `tcp://HOST:PORT` or `ipc://PATH`.
    public var coordinator: String
    /// The server's public CURVE key, 40 characters of Z85; `nil` for a coordinator without encryption.
    public var serverKey: String?
    /// What the launcher calls the coordinator's job.
    public var job: String?
    /// The coordinator's host, for people.
    public var host: String
    /// The coordinator's process id on that host, for people.
    public var process: Int

    private enum CodingKeys: String, CodingKey {
        case format, coordinator
        case serverKey = "server_key"
        case job, host, process
    }

    /// Describes a coordinator.
    ///
    /// - Parameters:
    ///   - coordinator: Where workers connect.
    ///   - serverKey: Its public key.
    ///   - job: The launcher's name of its job.
    ///   - process: Its process id.
    public init(
        coordinator: Endpoint, serverKey: String? = nil, job: String? = nil,
        process: Int = Int(ProcessInfo.processInfo.processIdentifier)
    ) {
        self.coordinator = coordinator.text
        self.serverKey = serverKey
        self.job = job
        host = HostName.current
        self.process = process
    }

    /// The endpoint that other machines can use for one that a socket is bound to.
    ///
    /// - Parameters:
    ///   - bound: What the socket is bound to; all interfaces of this machine are no address.
    ///   - host: The name to tell; by default this machine's.
    /// - Returns: `bound`, with a host in place of all interfaces.
    /// - Throws: `ZeroMQError` when the host makes no endpoint.
    public static func advertised(_ bound: Endpoint, as host: String? = nil) throws(ZeroMQError) -> Endpoint {
        guard let port = bound.port, let boundHost = bound.host else { return bound }
        if let host { return try Endpoint("tcp://\(host):\(port)") }
        guard ["*", "0.0.0.0", "[::]"].contains(boundHost) else { return bound }
        return try Endpoint("tcp://\(HostName.current):\(port)")
    }

    /// Why a text is no address.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    /// Reads and checks the JSON form.
    init(json: [UInt8]) throws {
        do {
            self = try JSONDecoder().decode(CoordinatorAddress.self, from: Data(json))
        } catch {
            throw Malformed(description: "not the JSON that is expected")
        }
        guard format == Self.currentFormat else {
            throw Malformed(description: "its format is '\(format.prefix(40))', not '\(Self.currentFormat)'")
        }
        let endpoint = try Endpoint(coordinator)
        guard endpoint.port != 0, endpoint.host != "*" else {
            throw Malformed(description: "'\(coordinator)' is no address to connect to")
        }
        if let serverKey, !Self.isKey(serverKey) { throw Malformed(description: "its key is no Z85 key") }
    }

    /// Whether a text can be a CURVE key.
    private static func isKey(_ text: String) -> Bool {
        let others = Set(".-:+=^!/*?&<>()[]{}@%$#".utf8)
        return text.utf8.count == 40
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"):
                    true
                default: others.contains(byte)
                }
            }
    }

    /// The JSON form, the same bytes for the same address.
    func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }
}
