import Foundation
import Glibc
import Tensors

/// Keeps two processes that write the same pair of files from mixing them up.
enum FolderLock {
    /// Does work while no other Tare writes results into the folder of a file.
    ///
    /// File systems without locks (some network ones) are written without: each file is still whole.
    static func holding(
        folderOf path: String, _ work: () throws(TensorFileError) -> Void
    ) throws(TensorFileError) {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        // The lock ends with the handle, which closes its descriptor.
        guard let handle = FileHandle(forReadingAtPath: folder) else {
            throw TensorFileError(path: folder, reason: .system(operation: "open the folder", code: errno))
        }
        defer { withExtendedLifetime(handle) {} }
        while flock(handle.fileDescriptor, LOCK_EX) != 0, errno == EINTR {}
        try work()
    }
}
