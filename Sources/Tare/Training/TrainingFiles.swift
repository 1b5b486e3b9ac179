import Foundation

/// The files that a training writes, and the report in the end.
enum TrainingFiles {
    /// Checks that files can be written, and that none of them is read or another one.
    static func check(_ files: [(what: String, path: String)], against inputs: [String?]) throws {
        for (index, file) in files.enumerated() {
            try OutputFiles.checkWritable(file.path, what: file.what)
            try OutputFiles.checkDistinct(
                file.path, what: file.what, from: inputs.compactMap(\.self) + files[..<index].map(\.path))
        }
    }

    /// Prints what came of a training.
    static func report(_ summary: TrainingRun.Summary, written: [String], json: Bool) throws {
        guard !json else {
            StandardStreams.writeOutput(try JSONText.encode(summary))
            return
        }
        func text(_ number: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", number) }
        StandardStreams.writeOutput(
            """
            \(summary.steps) steps: loss \(text(summary.loss, 4)), \(text(100 * summary.accuracy, 2)) % right in the last epoch
            parameters sha256 \(summary.parametersSHA256)
            \(Int(summary.samplesPerSecond)) samples/s; \(summary.gradientBytes / 1_000_000) MB of gradients, \
            \(summary.parameterBytes / 1_000_000) MB of parameters; workers busy \(text(100 * summary.busyShare, 0)) % of the time
            wrote \(written.joined(separator: " and "))
            """)
    }
}
