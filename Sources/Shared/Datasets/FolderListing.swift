import Foundation
import Tensors

/// The files of a folder and of the folders in it.
enum FolderListing {
    /// Folders nested deeper than this are taken for a loop of symbolic links.
    private static let maximumDepth = 32

    /// Lists files; hidden files and folders are left out.
    ///
    /// - Parameters:
    ///   - root: The folder.
    ///   - endings: What names may end with behind their last dot, in lower case; `nil` for anything.
    /// - Returns: Their paths below the folder in ascending byte order.
    /// - Throws: `unsupportedPath` for a file with another ending, and for a folder that cannot be listed.
    static func files(_ root: String, endings: [String]?) throws(DatasetError) -> [String] {
        var names: [String] = []
        try list(root, below: "", depth: 0, endings: endings, into: &names)
        return names.inByteOrder()
    }

    /// The path of what lies in a folder.
    static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    }

    /// The names in a folder, hidden ones left out, in ascending byte order.
    static func names(_ folder: String) throws(DatasetError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }
                .inByteOrder()
        } catch {
            throw .unsupportedPath(path: folder, reason: "cannot list the folder: \(error.localizedDescription)")
        }
    }

    private static func list(
        _ root: String, below relative: String, depth: Int, endings: [String]?, into names: inout [String]
    ) throws(DatasetError) {
        let folder = relative.isEmpty ? root : join(root, relative)
        guard depth <= maximumDepth else {
            throw .unsupportedPath(path: folder, reason: "folders are nested too deep; is there a loop of links?")
        }
        for entry in try Self.names(folder) {
            let name = relative.isEmpty ? entry : join(relative, entry)
            if try FileKind(path: join(root, name)) == .folder {
                try list(root, below: name, depth: depth + 1, endings: endings, into: &names)
            } else if let endings, !endings.contains(entry.split(separator: ".").last?.lowercased() ?? "") {
                throw .unsupportedPath(
                    path: join(root, name),
                    reason:
                        "this is no \(describe(endings)) file; move it out of the folder, or start its name with a dot")
            } else {
                names.append(name)
            }
        }
    }

    /// For example `.jpg, .jpeg or .png`.
    static func describe(_ endings: [String]) -> String {
        let dotted = endings.map { ".\($0)" }
        return dotted.dropLast().joined(separator: ", ") + (dotted.count > 1 ? " or " : "") + (dotted.last ?? "")
    }
}
