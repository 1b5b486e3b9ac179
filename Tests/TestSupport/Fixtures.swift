public import Foundation

/// Where test data lies.
public enum Fixtures {
    /// `Tests/Fixtures` of this checkout: data that our own people made.
    public static var directory: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures")
    }

    /// The optional folder of third-party models and data: `TARE_SHARED`, else `shared` beside the checkout.
    ///
    /// - Returns: `nil`, after saying so on standard error, when the folder is absent; the caller then skips its test.
    public static func shared(_ path: String, test: String = #function) -> URL? {
        let root =
            ProcessInfo.processInfo.environment["TARE_SHARED"].map { URL(filePath: $0) }
            ?? directory.appending(path: "../../../shared").standardizedFileURL
        let url = root.appending(path: path)
        if FileManager.default.fileExists(atPath: url.path) { return url }
        FileHandle.standardError.write(Data("SKIPPED \(test): \(url.path) does not exist\n".utf8))
        return nil
    }
}
