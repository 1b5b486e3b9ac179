internal import Crypto

/// The SHA-256 digest of some bytes: the name under which models, jobs, plans and statistics travel and are kept.
public struct ContentDigest: Hashable, Sendable {
    /// Number of bytes of a digest.
    public static let byteCount = 32

    /// The 32 bytes.
    public let bytes: [UInt8]

    /// Digests some bytes.
    public init(of content: [UInt8]) {
        bytes = Array(SHA256.hash(data: content))
    }

    /// Takes the bytes of a digest.
    ///
    /// - Returns: `nil` unless there are exactly 32 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Reads 64 hexadecimal digits in lower case.
    ///
    /// - Returns: `nil` for anything else.
    public init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 2 * Self.byteCount else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for index in 0..<Self.byteCount {
            guard let high = Self.value(digits[2 * index]), let low = Self.value(digits[2 * index + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }

    /// The digest as 64 hexadecimal digits in lower case.
    public var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// Digests bytes that arrive in pieces.
    public struct Accumulator {
        private var hash = SHA256()

        /// Starts with no bytes.
        public init() {}

        /// Adds the next bytes.
        public mutating func append(_ piece: [UInt8]) {
            hash.update(data: piece)
        }

        /// The digest of all bytes so far.
        public func digest() -> ContentDigest {
            let finished = hash
            return ContentDigest(finished: Array(finished.finalize()))
        }
    }

    private init(finished: [UInt8]) {
        bytes = finished
    }
}

extension ContentDigest: Comparable {
    /// Orders digests as their hexadecimal texts.
    public static func < (left: ContentDigest, right: ContentDigest) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension ContentDigest: CustomStringConvertible {
    /// The digest as 64 hexadecimal digits.
    public var description: String { hexadecimal }
}

extension ContentDigest: Codable {
    /// Reads a digest from its hexadecimal text.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let digest = ContentDigest(hexadecimal: text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "A SHA-256 digest is 64 hexadecimal digits in lower case, not '\(text)'")
        }
        self = digest
    }

    /// Writes the hexadecimal text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hexadecimal)
    }
}
