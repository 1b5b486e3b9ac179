import ArgumentParser
import Foundation
import Glibc

/// Shows something once, or again and again.
struct WatchOptions: ParsableArguments {
    @Flag(help: "Show it again every two seconds: in place on a terminal, one after the other elsewhere.")
    var watch = false

    private static let interval = 2.0

    /// Shows what `view` gives.
    ///
    /// - Parameter view: Asks for the newest state; `isLast` says that it will not change any more.
    /// - Throws: What `view` throws.
    func show(_ view: () throws -> (lines: [String], isLast: Bool)) throws {
        while true {
            let (lines, isLast) = try view()
            if watch, isatty(STDOUT_FILENO) == 1 { StandardStreams.writeOutputInPlace("\u{1B}[H\u{1B}[2J") }
            for line in lines { StandardStreams.writeOutput(line) }
            guard watch, !isLast else { return }
            Thread.sleep(forTimeInterval: Self.interval)
        }
    }
}
