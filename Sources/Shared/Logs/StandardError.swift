internal import Foundation

/// Writing whole lines to standard error.
public enum StandardError {
    /// Writes a line; lines of several threads do not mix, because each is one write.
    public static func write(_ line: String) {
        // A closed pipe is the reader's decision, and there is nowhere left to say so.
        try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }
}
