/// Sixteen random bytes: a cluster, a session, a client's submission.
public struct StateIdentifier: Hashable, Sendable {
    /// Number of bytes.
    public static let byteCount = 16

    /// The upper 64 bits.
    public let high: UInt64
    /// The lower 64 bits.
    public let low: UInt64

    /// Takes the two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Takes the bytes, the highest first.
    ///
    /// - Returns: `nil` unless there are exactly 16.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        high = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes[8...].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The bytes, the highest first.
    public var bytes: [UInt8] {
        (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> (56 - 8 * UInt64($0 & 7))) }
    }
}

extension StateIdentifier: Comparable {
    /// Orders identifiers as their bytes.
    public static func < (left: StateIdentifier, right: StateIdentifier) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension StateIdentifier: CustomStringConvertible {
    /// The bytes as 32 hexadecimal digits in lower case.
    public var description: String {
        [high, low].map { half in
            let digits = String(half, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
