import Foundation

/// What a path is.
enum FileKind: Equatable {
    case file
    case folder

    /// Looks at a path, through symbolic links.
    init(path: String) throws(DatasetError) {
        var isFolder: ObjCBool = false
        guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .unsupportedPath(path: path, reason: "there is no such file or folder")
        }
        self = isFolder.boolValue ? .folder : .file
    }
}
