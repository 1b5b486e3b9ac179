import CoordinatorCore
import CoordinatorService
import Logging

/// What a daemon says: one entry for each notice that is worth one.
struct DaemonLog: Sendable {
    let logger: Logger

    /// Writes a notice; may be called from any thread.
    func show(_ notice: ClusterNotice) {
        switch notice {
        case .listening(let control, _):
            logger.info("listening; start workers with: tare worker --coordinator \(control)")
        case .occurrence(.shardCommitted), .progress: break
        case .occurrence(let occurrence):
            logger.log(level: occurrence.isTrouble ? .warning : .info, "\(occurrence.text)")
        case .jobSubmitted(let job, let name, let shards):
            logger.info("job \(job) (\(name)) is taken: \(shards) shards", metadata: ["job": "\(job)"])
        case .jobResumed(let job, let name, let done, let shards):
            logger.info(
                "job \(job) (\(name)) goes on: \(done) of \(shards) shards are done", metadata: ["job": "\(job)"])
        case .jobEnded(let job, .completed): logger.info("job \(job) is completed", metadata: ["job": "\(job)"])
        case .jobEnded(let job, .failed(let failure)):
            logger.warning("job \(job) ended: \(failure)", metadata: ["job": "\(job)"])
        case .followUpFailed(let job, let text):
            logger.error("what job \(job) asks for is not taken: \(text)", metadata: ["job": "\(job)"])
        case .workerLog(let worker, let line): logger.info("worker \(worker): \(line)")
        case .measured: break
        case .refusedConnection(let text): logger.warning("refused a connection: \(text)")
        case .rejectedFrame(_, let text): logger.warning("rejected a message: \(text)")
        }
    }

    /// Tells of connections that were closed because the process's file descriptors are used up.
    func refused(_ connections: Int) {
        guard connections > 0 else { return }
        logger.warning(
            "closed \(connections) new connections: nearly all file descriptors are in use (raise the limit with ulimit -n or LimitNOFILE)"
        )
    }

    /// Says where HTTP is served.
    func serves(host: String, port: Int) {
        logger.info("serving http://\(host):\(port)/healthz, /readyz, /metrics and /api/v1")
    }
}
