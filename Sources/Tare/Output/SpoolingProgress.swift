import Datasets

/// Shows how data come in that can be read only once: compressed archives, and what a program writes.
struct SpoolingProgress {
    private let isOfCommand: Bool
    private var line: ProgressLine
    /// Bytes of the archives before the current one.
    private var earlierBytes = 0
    private var last: SpoolProgress?

    private static let megabyte = 1_000_000

    /// Starts the clock.
    ///
    /// - Parameter isOfCommand: Whether a program writes the samples, of which nobody knows how many will come.
    init(isOfCommand: Bool) {
        self.isOfCommand = isOfCommand
        line = ProgressLine(title: "keeping the data", unit: isOfCommand ? "samples" : "MB")
    }

    /// Shows the state when enough time has passed since the last update.
    mutating func update(_ progress: SpoolProgress) {
        guard !isOfCommand else {
            line.update(done: progress.sampleCount, total: nil, detail: "\(progress.byteCount / Self.megabyte) MB")
            return
        }
        if let last, last.name != progress.name { earlierBytes += last.byteCount }
        last = progress
        let share = progress.totalByteCount.map { " \(progress.byteCount * 100 / max($0, 1)) %" } ?? ""
        line.update(
            done: (earlierBytes + progress.byteCount) / Self.megabyte, total: nil,
            detail: "\(progress.name)\(share), \(progress.sampleCount) samples")
    }

    /// Ends the line.
    mutating func finish() {
        line.finish()
    }
}
