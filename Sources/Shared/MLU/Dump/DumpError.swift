public import Tensors

/// Why a dump cannot be made or went no further.
public enum DumpError: Error, Hashable, Sendable {
    /// The directory of the dump or of an operator cannot be made.
    case directory(TensorFileError)
    /// A file cannot be written.
    case file(TensorFileError)
    /// The text does not list iterations.
    case iterations(String)
}

extension DumpError: CustomStringConvertible {
    /// The file, the reason and the remedy.
    public var description: String {
        switch self {
        case .directory(let error), .file(let error):
            "\(error) (a smaller dump level needs less space)"
        case .iterations(let text):
            "'\(text)' does not list iterations; write numbers and ranges from 0 on, for example 0-3,7"
        }
    }
}
