internal import Foundation
internal import Glibc

/// A folder for sockets and caches that only this user may enter; removed with everything in it.
struct PrivateDirectory: Sendable {
    let url: URL

    /// Makes a folder in `TMPDIR`, or in `/tmp` when the sockets' paths would become too long there.
    init() throws {
        let candidates = [FileManager.default.temporaryDirectory.path, "/tmp"]
        let base = candidates.first { $0.utf8.count <= 70 } ?? "/tmp"
        var template = Array("\(base)/tare-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else {
            throw CoordinatorServiceError.start(
                text:
                    "no folder can be made in \(base) (\(String(describing: unsafe String(cString: strerror(errno)))))")
        }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        url = URL(filePath: path, directoryHint: .isDirectory)
    }

    func remove() {
        try? FileManager.default.removeItem(at: url)
    }
}
