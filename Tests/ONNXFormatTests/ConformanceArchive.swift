import Foundation
import TestSupport
import Testing

/// An archive of the shared folder, unpacked into a temporary folder that goes away with the object.
final class ConformanceArchive {
    /// The folder that holds what the archive held.
    let directory: URL

    /// Unpacks an archive; `nil`, after saying so, when the shared folder does not have it.
    init?(_ name: String, test: String = #function) throws {
        guard let archive = Fixtures.shared("conformance/\(name)", test: test) else { return nil }
        directory = FileManager.default.temporaryDirectory.appending(path: "tare-conformance-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/tar")
        process.arguments = ["-xzf", archive.path, "-C", directory.path]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "tar could not unpack \(archive.path)")
    }

    deinit {
        try? FileManager.default.removeItem(at: directory)
    }
}
