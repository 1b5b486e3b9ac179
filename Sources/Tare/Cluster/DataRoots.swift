import Foundation

/// The folders from which a coordinator reads for its clients; everything else on the machine is out of their reach.
struct DataRoots: Sendable {
    private let roots: [String]

    /// Takes the folders that the operator allows.
    ///
    /// - Throws: `CommandFailure` when one does not exist.
    init(_ paths: [String]) throws {
        roots = try paths.map { path in
            guard InputPath.isFolder(path) else {
                throw CommandFailure(.configuration, "--data-root '\(path)' is not a folder; make it, or name another")
            }
            return Self.resolved(path)
        }
    }

    /// A path after links are followed, when it lies in an allowed folder.
    ///
    /// - Throws: `CommandFailure` with status `refused` otherwise; the same one whether or not something is there, so that
    ///   nobody learns what else is on the machine.
    func check(_ path: String, what: String) throws -> String {
        let resolved = Self.resolved(path)
        guard path.hasPrefix("/"),
            roots.contains(where: { resolved == $0 || resolved.hasPrefix($0 == "/" ? "/" : $0 + "/") })
        else {
            throw CommandFailure(
                .refused,
                "\(what) '\(path)' lies outside of the folders that this coordinator reads ("
                    + (roots.isEmpty ? "none; start it with --data-root FOLDER" : roots.joined(separator: ", ")) + ")")
        }
        return resolved
    }

    private static func resolved(_ path: String) -> String {
        let url = URL(filePath: path).standardizedFileURL
        return FileManager.default.fileExists(atPath: url.path)
            ? url.resolvingSymlinksInPath().path
            : url.deletingLastPathComponent().resolvingSymlinksInPath().appending(path: url.lastPathComponent).path
    }
}
