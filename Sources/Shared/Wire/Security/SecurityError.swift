internal import Glibc

/// Why keys, the allow list or the protection of a socket are not as they must be.
public enum SecurityError: Error, Sendable, Hashable {
    /// What is wrong with a file.
    public enum FileFault: Sendable, Hashable {
        /// It is not there.
        case missing
        /// It must not be overwritten.
        case exists
        /// Others could read it (a secret key) or change it.
        case modes(found: UInt32, allowed: UInt32)
        /// It belongs to another user.
        case owner(UInt32)
        /// It does not hold what it should.
        case content(String)
        /// The system refused something.
        case system(operation: String, reason: String)
    }

    /// A key file or an allow list cannot be used.
    case file(path: String, FileFault)
    /// A line of an allow list cannot be used.
    case authorizedKeys(path: String, line: Int, reason: String)
    /// A text is no key.
    case malformedKey(text: String)
    /// libzmq cannot encrypt.
    case unsupported(reason: String)
    /// The start-up test found that a stranger is not refused, or could not find out.
    case selfTest(endpoint: String, reason: String)
}

extension SecurityError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .file(let path, let fault): "The file '\(path)' \(fault.text(path))"
        case .authorizedKeys(let path, let line, let reason): "\(path):\(line): \(reason)"
        case .malformedKey(let text):
            "'\(text)' is no key: a key has 40 characters of Z85; take it from a .public file, and quote it in a shell"
        case .unsupported(let reason):
            "This machine's libzmq cannot encrypt (\(reason)); install one that was built with libsodium"
        case .selfTest(let endpoint, let reason):
            "The coordinator at \(endpoint) does not keep strangers out: \(reason). It does not start; this is a fault of "
                + "Tare or of this machine's libzmq"
        }
    }
}

extension SecurityError.FileFault {
    fileprivate func text(_ path: String) -> String {
        switch self {
        case .missing: "does not exist; make keys with 'tare keygen'"
        case .exists: "exists and is not overwritten; choose another name, or remove it if no one uses the key any more"
        case .modes(let found, let allowed):
            "has mode \(Self.octal(found)), so other users can get at it; run: chmod \(Self.octal(allowed)) '\(path)'"
        case .owner(let owner):
            "belongs to user \(owner), not to this user (\(getuid())); copy it, or run as its owner"
        case .content(let reason): "cannot be used: \(reason)"
        case .system(let operation, let reason): "cannot be used: \(operation) failed (\(reason))"
        }
    }

    private static func octal(_ mode: UInt32) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
