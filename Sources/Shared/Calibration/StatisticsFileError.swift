public import Tensors

/// Why a file with statistics was refused or could not be written.
public enum StatisticsFileError: Error, Hashable, CustomStringConvertible {
    /// It is no valid safetensors file, or the system does not read or write it.
    case unreadable(TensorFileError)
    /// It is of another kind or another version of the format.
    case unknownFormat(expected: String, found: String)
    /// It lacks an entry of the metadata.
    case missingMetadata(String)
    /// It lacks an entry.
    case missingEntry(String)
    /// It has an entry that belongs to no statistic of its kind.
    case unexpectedEntry(String, subject: String)
    /// An entry has another type or shape than its statistic, or contradicts itself.
    case malformedEntry(String)

    /// The place and the reason.
    public var description: String {
        switch self {
        case .unreadable(let error): "\(error)"
        case .unknownFormat(let expected, let found): "expected statistics of format \(expected), found \(found)"
        case .missingMetadata(let key): "the statistics lack the metadata entry '\(key)'"
        case .missingEntry(let key): "the statistics lack '\(key)'"
        case .unexpectedEntry(let key, let subject): "'\(key)' is no part of \(subject)"
        case .malformedEntry(let key): "'\(key)' has another type, shape or content than its statistic"
        }
    }
}
