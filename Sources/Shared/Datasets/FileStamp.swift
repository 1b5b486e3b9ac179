internal import Glibc
internal import Tensors

/// Size, time and identity of a file, by which a later change is noticed without reading it again.
public struct FileStamp: Codable, Hashable, Sendable {
    /// The file.
    public let path: String
    /// Size in bytes.
    private let byteCount: Int
    /// Number of the file in its file system.
    private let number: UInt64
    /// When its bytes were changed, in nanoseconds since 1970.
    private let modified: Int

    /// Notes what a file is like now.
    ///
    /// - Throws: `file` when it cannot be looked at.
    public init(path: String) throws(DatasetError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw .file(TensorFileError(path: path, reason: .system(operation: "open the file", code: errno)))
        }
        self.path = path
        byteCount = Int(status.st_size)
        number = UInt64(status.st_ino)
        modified = status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
    }

    /// Compares the file with what was noted.
    ///
    /// - Throws: `changed` when it is another file now, or has other bytes; `file` when it is gone.
    public func check() throws(DatasetError) {
        guard try FileStamp(path: path) == self else { throw .changedFile(path: path) }
    }
}
