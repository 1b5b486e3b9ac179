public import Foundation
internal import Glibc

/// The secret that a client shows to change something: `Authorization: Bearer TOKEN`.
public struct AccessToken: Sendable, Hashable {
    /// Characters that a token has; shorter ones can be guessed.
    public static let lengths = 32...512

    private let bytes: [UInt8]

    /// Takes a token.
    ///
    /// - Returns: `nil` unless it has 32 to 512 of the characters that RFC 6750 allows.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard Self.lengths.contains(bytes.count), bytes.allSatisfy(Self.isTokenCharacter) else { return nil }
        self.bytes = bytes
    }

    /// Reads the token from a file that only its owner can read.
    ///
    /// - Throws: When the file cannot be read, is readable by others, or holds no token.
    public init(contentsOf file: URL) throws(AccessTokenError) {
        let path = file.path
        let content: Data
        do {
            let handle = try FileHandle(forReadingFrom: file)
            defer { try? handle.close() }
            var status = stat()
            // Of the open file, so that nobody can put another one in its place between the check and the reading.
            guard unsafe fstat(handle.fileDescriptor, &status) == 0 else {
                throw AccessTokenError.unreadable(path: path, reason: "its mode cannot be read")
            }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw AccessTokenError.unreadable(path: path, reason: "it is no regular file")
            }
            guard status.st_mode & 0o077 == 0 else {
                throw AccessTokenError.open(path: path, mode: Int(status.st_mode & 0o777))
            }
            content = try handle.read(upToCount: Self.lengths.upperBound + 2) ?? Data()
        } catch let error as AccessTokenError {
            throw error
        } catch {
            throw .unreadable(path: path, reason: error.localizedDescription)
        }
        let text = String(decoding: content, as: UTF8.self)
        guard let token = AccessToken(text.trimmingCharacters(in: .newlines)) else { throw .malformed(path: path) }
        self = token
    }

    /// Whether somebody knows the token; the time that this takes says nothing about where a guess is wrong.
    public func matches(_ guess: String) -> Bool {
        let guess = Array(guess.utf8)
        var difference = guess.count ^ bytes.count
        for (index, byte) in guess.enumerated() {
            difference |= Int(byte ^ bytes[index % bytes.count])
        }
        return difference == 0
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~+/=".utf8.contains(byte)
        }
    }
}

extension AccessToken: CustomStringConvertible {
    /// Never the token itself.
    public var description: String { "access token of \(bytes.count) characters" }
}

/// Why a file gives no token.
public enum AccessTokenError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It cannot be read.
    case unreadable(path: String, reason: String)
    /// Others can read it.
    case open(path: String, mode: Int)
    /// It holds something else.
    case malformed(path: String)

    /// The file, the reason and the remedy.
    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "The token file \(path) cannot be read: \(reason)"
        case .open(let path, let mode):
            "The token file \(path) has mode \(String(mode, radix: 8)): others can read it; run: chmod 600 \(path)"
        case .malformed(let path):
            "The token file \(path) does not hold one token of \(AccessToken.lengths.lowerBound) to "
                + "\(AccessToken.lengths.upperBound) letters, digits or -._~+/= characters; make one with: openssl rand -hex 32"
        }
    }
}
