/// One worker process's stay with a coordinator: 128 random bits chosen when the process starts.
public struct SessionID: Hashable, Sendable, Comparable {
    /// The upper 64 bits.
    public let high: UInt64
    /// The lower 64 bits.
    public let low: UInt64

    /// Makes an identifier from its bits.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Draws an identifier.
    public static func random(using generator: inout some RandomNumberGenerator) -> SessionID {
        SessionID(high: generator.next(), low: generator.next())
    }

    /// Reads 16 bytes, most significant first.
    ///
    /// - Returns: `nil` for any other number of bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The 16 bytes, most significant first.
    public var bytes: [UInt8] {
        [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) } }
    }

    /// Orders identifiers as numbers.
    public static func < (left: SessionID, right: SessionID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension SessionID: CustomStringConvertible {
    /// The first 8 of 32 hexadecimal digits: enough to tell sessions apart in a log.
    public var description: String {
        let text = String(high >> 32, radix: 16)
        return String(repeating: "0", count: 8 - text.count) + text
    }
}

/// A client's request: 128 random bits that the client chooses; repeated, it is the same request.
public struct RequestID: Hashable, Sendable {
    /// The 16 bytes.
    public let bytes: [UInt8]

    /// Takes 16 bytes.
    ///
    /// - Returns: `nil` for any other number of bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// Draws an identifier.
    public static func random(using generator: inout some RandomNumberGenerator) -> RequestID {
        RequestID(SessionID.random(using: &generator))
    }

    private init(_ bits: SessionID) {
        bytes = bits.bytes
    }
}

/// The address at which a ROUTER socket reaches a peer: valid until that peer reconnects.
public struct PeerAddress: Hashable, Sendable {
    /// The routing id.
    public let bytes: [UInt8]
    /// The key that the peer proved to have; `nil` on a socket without encryption.
    public let identity: PublicKey?

    /// Takes a routing id, and the key of the peer behind it.
    public init(_ bytes: [UInt8], identity: PublicKey? = nil) {
        self.bytes = bytes
        self.identity = identity
    }
}

/// One attempt at one shard of one job.
public struct ShardReference: Hashable, Sendable {
    /// The job.
    public var job: UInt64
    /// Index of the shard.
    public var shard: Int
    /// Which attempt at this shard, from 1.
    public var attempt: Int

    /// Names an attempt.
    public init(job: UInt64, shard: Int, attempt: Int) {
        self.job = job
        self.shard = shard
        self.attempt = attempt
    }
}

extension ShardReference: CustomStringConvertible {
    /// For example `shard 7 (attempt 2)`.
    public var description: String { "shard \(shard) (attempt \(attempt))" }
}
