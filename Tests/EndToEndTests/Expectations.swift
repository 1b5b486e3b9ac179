import Foundation
import Glibc
import TestSupport
import Testing

/// Runs `tare`, which has to fail with this status, say all these texts on standard error and nothing on standard output, and
/// leave nothing in its folder but these files.
func expectFailure(
    status: Int32, saying texts: [String], leaving files: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation,
    _ arguments: (TemporaryFolder) throws -> [String]
) throws {
    let folder = try TemporaryFolder()
    let outcome = try TareProcess.run(try arguments(folder), in: folder.url)
    #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.output.isEmpty, sourceLocation: sourceLocation)
    for text in texts {
        #expect(
            outcome.errors.contains(text), "'\(text)' is missing in: \(outcome.errors)", sourceLocation: sourceLocation)
    }
    #expect(try folder.names == files.sorted(), sourceLocation: sourceLocation)
}

/// Polls until something is so.
///
/// - Returns: Whether it became so before the deadline.
func becomesTrue(within limit: Duration = .seconds(20), _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try condition() { return true }
        usleep(10_000)
    }
    return try condition()
}

/// Whether a process is there and has not ended.
func isRunning(_ process: Int32) -> Bool {
    guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
        let state = stat.split(separator: ")").last?.split(separator: " ").first
    else { return false }
    return state != "Z" && state != "X"
}
