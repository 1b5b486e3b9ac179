import CoordinatorCore
import CoordinatorService
import Synchronization

/// Shows what a running cluster tells: one progress line, and a line for everything that is out of the ordinary.
final class ClusterDisplay: Sendable {
    private let line: Mutex<ProgressLine>
    private let workerOptions: String?

    /// Starts the clock of the progress line.
    ///
    /// - Parameters:
    ///   - title: What is being done.
    ///   - workerOptions: What workers need besides the address, to say where and how they can join; `nil` to say nothing.
    init(title: String, workerOptions: [String]? = nil) {
        self.workerOptions = workerOptions?.map { " \($0)" }.joined()
        line = Mutex(ProgressLine(title: title, unit: "samples"))
    }

    /// Shows a notice; may be called from any thread.
    func show(_ notice: ClusterNotice) {
        line.withLock { line in
            switch notice {
            case .progress(let progress):
                line.update(
                    done: progress.samplesDone, total: progress.samplesTotal,
                    detail: "\(progress.workers) \(progress.workers == 1 ? "worker" : "workers")")
            case .occurrence(let occurrence):
                if let text = text(for: occurrence) { line.interrupt(text) }
            case .workerLog(let worker, let text):
                line.interrupt("worker \(worker): \(text)")
            case .rejectedFrame(_, let text):
                line.interrupt("rejected a message: \(text)")
            case .refusedConnection(let text):
                line.interrupt("refused a connection: \(text)")
            case .jobSubmitted, .jobResumed, .jobEnded, .followUpFailed, .measured: break
            case .listening(let control, _):
                guard let workerOptions else { break }
                line.interrupt("listening; start workers with: tare worker --coordinator \(control)\(workerOptions)")
            }
        }
    }

    /// What is worth a line: joining and leaving only when workers come and go by hand, trouble always.
    private func text(for occurrence: CoordinatorOccurrence) -> String? {
        switch occurrence {
        case .workerJoined(_, let node, let process):
            workerOptions != nil ? "worker \(process) on \(node) joined" : nil
        case .workerLeft(_, let node, let process, let text):
            workerOptions != nil ? "worker \(process) on \(node) left: \(text)" : nil
        case .workerRejected(let node, let process, let text):
            "worker \(process) on \(node) was turned away: \(text)"
        case .shardCommitted:
            nil
        case .shardReturned(_, let shard, _, let text):
            "shard \(shard) goes to another worker: \(text)"
        case .conflict(_, let shard, _, let counted, let other):
            "warning: two workers computed different statistics for shard \(shard) (\(counted) and \(other)): one of "
                + "their processors is faulty; a third one is asked"
        case .deviceQuarantined(let device, let text):
            "warning: the workers of \(device) are turned away: \(text)"
        case .jobReset(_, let device):
            "warning: everything starts over, because \(device) had computed a part of it"
        case .bisectionStarted(_, let shard, let losses):
            "shard \(shard) has cost \(losses) workers; its parts are tried alone"
        case .sampleSkipped(_, let sample, let text):
            "warning: sample \(sample) is left out: \(text)"
        case .auditSkipped(_, let shards):
            "warning: \(shards) \(shards == 1 ? "shard" : "shards") could not be audited: no other machine finished it"
        case .shardSpeculated, .resultInDoubt, .modelNotLoaded, .storeRefuses, .storeRecovered:
            nil
        }
    }

    /// Ends the progress line.
    func finish() {
        line.withLock { $0.finish() }
    }
}
