/// Why bytes are not the document they should be.
public enum DocumentError: Error, Hashable, Sendable {
    /// More bytes than a document of this kind may have.
    case tooLarge(bytes: Int, limit: Int)
    /// Not JSON at all.
    case notJSON(reason: String)
    /// Written by another version of Tare.
    case version(found: Int)
    /// A key that must be there is not.
    case missing(key: String)
    /// A key that nobody knows, or that does not belong to this document.
    case unknown(key: String)
    /// A value that the key cannot have.
    case value(key: String, reason: String)
    /// A value that cannot be written as JSON, for example a number that is not finite.
    case unwritable(key: String, reason: String)
}

extension DocumentError: CustomStringConvertible {
    /// The key, what is wrong with it and what would be right.
    public var description: String {
        switch self {
        case .tooLarge(let bytes, let limit): "The document has \(bytes) bytes; at most \(limit) are read"
        case .notJSON(let reason): "This is not a JSON object: \(reason)"
        case .version(let found):
            "The document has version \(found); this build of Tare reads version \(Documents.version): use the same "
                + "build on both sides"
        case .missing(let key): "The key '\(key)' is missing"
        case .unknown(let key): "The key '\(key)' is not known here; remove it or mend its spelling"
        case .value(let key, let reason): key.isEmpty ? reason : "The key '\(key)': \(reason)"
        case .unwritable(let key, let reason): "The key '\(key)' cannot be written: \(reason)"
        }
    }
}
