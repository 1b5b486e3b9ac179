internal import CZeroMQ

/// A CURVE secret key: what proves who somebody is.
public struct SecretKey: Hashable, Sendable {
    /// The key in Z85; for the socket and the key file only.
    let text: String
}

extension SecretKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Not the key: descriptions end up in logs.
    public var description: String { "(secret)" }
    /// Not the key: descriptions end up in logs.
    public var debugDescription: String { description }
    /// Nothing: dumps end up in logs.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A CURVE key pair.
public struct KeyPair: Hashable, Sendable {
    /// Who this is.
    public let publicKey: PublicKey
    /// What proves it.
    public let secret: SecretKey

    /// Draws a key pair from the system's random source.
    ///
    /// The public key begins with a letter or a digit, so that it is never taken for a comment or an option.
    ///
    /// - Throws: `SecurityError` when libzmq was built without encryption.
    public static func generate() throws(SecurityError) -> KeyPair {
        while true {
            var publicText = [CChar](repeating: 0, count: PublicKey.characters + 1)
            var secretText = publicText
            guard unsafe zmq_curve_keypair(&publicText, &secretText) == 0 else {
                throw .unsupported(reason: ZeroMQError("Making keys").reason)
            }
            let publicKey = try PublicKey(text(publicText))
            guard publicKey.text.first.map({ $0.isLetter || $0.isNumber }) == true else { continue }
            return KeyPair(publicKey: publicKey, secret: SecretKey(text: text(secretText)))
        }
    }

    private init(publicKey: PublicKey, secret: SecretKey) {
        self.publicKey = publicKey
        self.secret = secret
    }

    /// Completes a secret key.
    ///
    /// - Throws: `SecurityError` when the text is no key, or libzmq was built without encryption.
    init(secret text: String) throws(SecurityError) {
        // The text must not reach an error message.
        guard text.utf8.count == PublicKey.characters, Z85.bytes(text) != nil else {
            throw .malformedKey(text: "(secret)")
        }
        var publicText = [CChar](repeating: 0, count: PublicKey.characters + 1)
        guard unsafe zmq_curve_public(&publicText, text) == 0 else {
            throw .unsupported(reason: ZeroMQError("Reading a key").reason)
        }
        publicKey = try PublicKey(Self.text(publicText))
        secret = SecretKey(text: text)
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
