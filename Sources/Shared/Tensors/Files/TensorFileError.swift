#if canImport(Glibc)
import Glibc
#endif

/// Why a tensor file could not be read or written: the file, the member in it, and the reason.
public struct TensorFileError: Error, Hashable, Sendable {
    /// What went wrong.
    public enum Reason: Hashable, Sendable {
        /// The operating system refused an operation (`open`, `read`, `write` ...) with an error number.
        case system(operation: String, code: Int32)
        /// The file ends before the data that it announces.
        case truncated(needed: Int, available: Int)
        /// The bytes contradict the format.
        case malformed(String)
        /// The bytes may be right, but hold something that is not supported.
        case unsupported(String)
        /// The bytes are not the ones that were written.
        case checksumMismatch(stored: UInt32, computed: UInt32)
        /// A file of this name is there, but another one than was opened, or changed.
        case replaced
        /// The file has no member of this name.
        case missingMember(available: [String])
    }

    /// The file, as the caller named it; for bytes from elsewhere their description.
    public let path: String
    /// The array or tensor within the file, where one is concerned.
    public let member: String?
    /// What went wrong.
    public let reason: Reason

    /// Makes an error.
    public init(path: String, member: String? = nil, reason: Reason) {
        self.path = path
        self.member = member
        self.reason = reason
    }

    /// The error of the system call that just failed.
    static func lastSystemError(_ operation: String, path: String) -> TensorFileError {
        TensorFileError(path: path, reason: .system(operation: operation, code: errno))
    }

    /// The same error, with the member named when it was not yet.
    func naming(path: String, member: String?) -> TensorFileError {
        TensorFileError(path: path, member: self.member ?? member, reason: reason)
    }
}

extension TensorFileError: CustomStringConvertible {
    /// The file, the member and the reason in one line.
    public var description: String {
        let place = member.map { "\(path), array '\($0)'" } ?? path
        return "\(place): \(reason)"
    }
}

extension TensorFileError.Reason: CustomStringConvertible {
    /// The reason, and the remedy where there is one.
    public var description: String {
        switch self {
        case .system(let operation, ENOSPC), .system(let operation, EDQUOT):
            "cannot \(operation): no space left on the device; free some space or choose another folder"
        case .system(let operation, let code):
            unsafe "cannot \(operation): \(String(cString: strerror(code)))"
        case .truncated(let needed, let available):
            "the file ends too early: \(needed) bytes are needed where \(available) are left; copy it again"
        case .malformed(let detail):
            "damaged or not of this format: \(detail)"
        case .unsupported(let detail):
            "not supported: \(detail)"
        case .checksumMismatch(let stored, let computed):
            "damaged: the checksum is \(String(computed, radix: 16)), but \(String(stored, radix: 16)) was stored"
        case .replaced: "it was replaced while it was in use; put the old one back, or start again with the new one"
        case .missingMember(let available):
            "there is no such array; the file has: \(available.isEmpty ? "none" : available.joined(separator: ", "))"
        }
    }
}
