public import Tensors

/// Why a dump cannot be read or compared.
public enum DumpFormatError: Error, Hashable, Sendable {
    /// A file cannot be opened or read.
    case file(TensorFileError)
    /// A directory cannot be listed.
    case directory(path: String, reason: String)
    /// A line is not what the format has there.
    case malformed(path: String, line: Int, detail: String)
    /// The directory holds no operators, but perhaps directories that do.
    case noOperators(path: String, directories: [String])
    /// No operator of the dump has both results.
    case noHostResults(path: String)
}

extension DumpFormatError: CustomStringConvertible {
    /// The file, the reason and the remedy.
    public var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .directory(let path, let reason): "\(path): cannot list the directory: \(reason)"
        case .malformed(let path, let line, let detail):
            "\(path), line \(line): \(detail); the file is cut short or not of a dump, so make the dump again"
        case .noOperators(let path, let directories):
            "\(path): there are no directories of operators, such as 1_add, in it"
                + (directories.isEmpty ? "" : "; name one of its directories: \(directories.joined(separator: ", "))")
        case .noHostResults(let path):
            "\(path): no operator has both a result of the device and a cpu_result; "
                + "dump with CPU comparison (--compare-cpu), or name a second dump"
        }
    }
}
