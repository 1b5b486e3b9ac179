internal import Tensors

#if canImport(Glibc)
import Glibc
#endif

/// Directories of dumps: a new one for every dump, whoever else makes some at the same time.
public enum DumpDirectory {
    /// Makes a new directory, with its parents: the first of `dump`, `dump1`, `dump2` and so on that does not exist.
    ///
    /// A name that ends with a digit gets an underscore before the number: `dump_iter_1` is followed by `dump_iter_1_1`,
    /// because `dump_iter_11` belongs to another iteration. Two processes never get the same directory, for making one
    /// fails when it exists.
    ///
    /// - Returns: The path of the directory.
    public static func claim(_ path: String) throws(DumpError) -> String {
        let name = normalized(path)
        let separator = name.last?.isASCII == true && name.last?.isNumber == true ? "_" : ""
        var number = 0
        var hasParents = false
        while true {
            let candidate = number == 0 ? name : "\(name)\(separator)\(number)"
            switch unsafe mkdir(candidate, 0o755) == 0 ? 0 : errno {
            case 0: return candidate
            case EEXIST: number += 1
            // After that a parent is there that leads nowhere: a link.
            case ENOENT where !hasParents:
                try makeParents(of: candidate)
                hasParents = true
            case let code: throw failure(candidate, code)
            }
        }
    }

    /// The path that a directory argument stands for: without slashes at its end, and `./dump` when it is empty.
    static func normalized(_ path: String) -> String {
        var path = path
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path.isEmpty ? "./dump" : path
    }

    /// Makes one directory that must not exist.
    static func make(_ path: String) throws(DumpError) {
        guard unsafe mkdir(path, 0o755) == 0 else { throw failure(path, errno) }
    }

    private static func makeParents(of path: String) throws(DumpError) {
        guard let end = path.lastIndex(of: "/"), end > path.startIndex else { throw failure(path, ENOENT) }
        let parent = String(path[..<end])
        if unsafe mkdir(parent, 0o755) == 0 || errno == EEXIST { return }
        guard errno == ENOENT else { throw failure(parent, errno) }
        try makeParents(of: parent)
        guard unsafe mkdir(parent, 0o755) == 0 || errno == EEXIST else { throw failure(parent, errno) }
    }

    private static func failure(_ path: String, _ code: Int32) -> DumpError {
        .directory(TensorFileError(path: path, reason: .system(operation: "make the directory", code: code)))
    }
}
