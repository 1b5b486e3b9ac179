/// A CURVE public key, which says who somebody is.
///
/// 32 bytes, written as 40 characters of Z85.
public struct PublicKey: Hashable, Sendable, Comparable {
    /// Characters of a key.
    static let characters = 40

    /// The key in Z85.
    public let text: String

    /// Reads a key.
    ///
    /// - Throws: `SecurityError` when it is not 40 characters of Z85.
    public init(_ text: String) throws(SecurityError) {
        guard text.utf8.count == Self.characters, Z85.bytes(text) != nil else { throw .malformedKey(text: text) }
        self.text = text
    }

    /// Takes the 32 bytes of a key, as the library's authentication requests have them.
    ///
    /// - Returns: `nil` for another number of bytes.
    init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        text = Z85.text(bytes)
    }

    /// Orders keys by their text.
    public static func < (left: PublicKey, right: PublicKey) -> Bool { left.text < right.text }
}

extension PublicKey: CustomStringConvertible {
    /// The key in Z85.
    public var description: String { text }
}
