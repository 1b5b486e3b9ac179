import Foundation

/// Writing to standard output and standard error.
enum StandardStreams {
    /// Results: what a pipe should receive.
    static func writeOutput(_ text: String) {
        write(text + "\n", to: FileHandle.standardOutput)
    }

    /// Progress, warnings and errors.
    static func writeError(_ text: String) {
        write(text + "\n", to: FileHandle.standardError)
    }

    /// Text without a line end, for a progress line that is overwritten.
    static func writeErrorInPlace(_ text: String) {
        write(text, to: FileHandle.standardError)
    }

    /// Text without a line end, for a view that is drawn again.
    static func writeOutputInPlace(_ text: String) {
        write(text, to: FileHandle.standardOutput)
    }

    private static func write(_ text: String, to handle: FileHandle) {
        // A closed pipe (`tare inspect ... | head`) is the reader's decision, not a failure to report.
        try? handle.write(contentsOf: Data(text.utf8))
    }
}
