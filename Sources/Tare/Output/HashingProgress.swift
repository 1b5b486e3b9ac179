/// Shows how far the hashing of files is.
struct HashingProgress {
    private var line = ProgressLine(title: "hashing", unit: "MB")
    private let totalBytes: Int
    private var doneBytes = 0

    private static let megabyte = 1_000_000

    /// Starts the clock.
    init(totalBytes: Int) {
        self.totalBytes = totalBytes
    }

    /// Counts bytes that were hashed.
    mutating func add(bytes: Int) {
        doneBytes += bytes
        line.update(done: doneBytes / Self.megabyte, total: totalBytes / Self.megabyte)
    }

    /// Ends the line.
    mutating func finish() {
        line.finish()
    }
}
