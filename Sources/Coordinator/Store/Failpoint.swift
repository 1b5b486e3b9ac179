internal import Foundation
internal import Glibc
internal import Synchronization

/// The points at which a crash test may kill the coordinator.
///
/// With `TARE_FAILPOINT=NAME:COUNT` in the environment the process kills itself with SIGKILL when it comes to the point
/// NAME for the COUNT-th time. Without the variable a point costs one comparison.
public enum Failpoint: String, CaseIterable, Sendable {
    /// Before the next epoch is written.
    case epochBefore = "epoch-before"
    /// Inside the transaction of the epoch, before its commit.
    case epochDuring = "epoch-during"
    /// When the epoch is durable.
    case epochAfter = "epoch-after"
    /// Before a submission is written.
    case submitBefore = "submit-before"
    /// Inside the transaction of a submission, before its commit.
    case submitDuring = "submit-during"
    /// When a submission is durable and nobody knows it.
    case submitAfter = "submit-after"
    /// Before a group of shards is written.
    case commitBefore = "commit-before"
    /// Inside the transaction of a group of shards, before its commit.
    case commitDuring = "commit-during"
    /// When a group of shards is durable and nobody knows it.
    case commitAfter = "commit-after"
    /// Before decisions (losses, poison, quarantine, failure, cancellation) are written.
    case decisionBefore = "decision-before"
    /// Inside the transaction of decisions, before its commit.
    case decisionDuring = "decision-during"
    /// When decisions are durable and nobody knows them.
    case decisionAfter = "decision-after"
    /// Before a job that starts over is emptied.
    case resetBefore = "reset-before"
    /// Inside the transaction that empties a job, before its commit.
    case resetDuring = "reset-during"
    /// When a job is durably empty and nobody knows it.
    case resetAfter = "reset-after"
    /// Before the results of a job are recorded.
    case finalizeBefore = "finalize-before"
    /// Inside the transaction that records the results of a job, before its commit.
    case finalizeDuring = "finalize-during"
    /// When the results of a job are durable and nobody knows them.
    case finalizeAfter = "finalize-after"
    /// Before the first byte of a blob is written.
    case blobBeforeWrite = "blob-before-write"
    /// When all bytes of a blob are written, before they reach the disk.
    case blobBeforeSync = "blob-before-sync"
    /// When the bytes of a blob are on the disk, before it has its name.
    case blobBeforeRename = "blob-before-rename"
    /// When a blob has its name, before the folder reaches the disk.
    case blobAfterRename = "blob-after-rename"
    /// When a blob is durable and nobody knows it.
    case blobAfterSync = "blob-after-sync"
    /// Before the log is copied into the database.
    case checkpointBefore = "checkpoint-before"
    /// After the log was copied into the database.
    case checkpointAfter = "checkpoint-after"

    /// The environment variable that arms a point.
    public static let variable = "TARE_FAILPOINT"

    /// Says that the process is at a point; does not return when a test wants it to die there.
    public static func hit(_ point: Failpoint) {
        guard case .armed(let armed, let count) = plan, armed == point,
            hits.add(1, ordering: .relaxed).newValue == count
        else { return }
        kill(getpid(), SIGKILL)
        while true { pause() }
    }

    /// Refuses a variable that names no point, so that no crash test passes because of a misspelling.
    static func check() throws(StateStoreError) {
        if case .malformed(let text) = plan { throw .failpoint(text) }
    }

    private enum Plan {
        case off
        case armed(Failpoint, Int)
        case malformed(String)
    }

    private static let hits = Atomic<Int>(0)

    private static let plan: Plan = {
        guard let text = ProcessInfo.processInfo.environment[variable], !text.isEmpty else { return .off }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let point = Failpoint(rawValue: String(parts[0])), let count = Int(parts[1]), count > 0
        else { return .malformed(text) }
        return .armed(point, count)
    }()
}
