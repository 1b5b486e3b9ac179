internal import Foundation
internal import Processes
internal import Wire

/// Worker processes on this machine: started, watched, replaced when they die, and ended, by a thread of their own.
final class LocalWorkers: Sendable {
    private let mailbox: Mailbox<ProcessSupervisor.Command>
    private let thread: ServiceThread

    /// Starts the workers.
    ///
    /// - Parameters:
    ///   - configuration: How many, and how they are started.
    ///   - endpoint: Where the coordinator listens.
    ///   - directory: Where they keep what they download.
    ///   - exited: Told of each that ended.
    ///   - exhausted: Told when none is left and none will be started.
    ///   - notify: Told what they write.
    /// - Throws: `ZeroMQError` when the mailbox cannot be made.
    init(
        configuration: LocalWorkersConfiguration, endpoint: String, directory: URL,
        exited: @escaping @Sendable (_ node: String, _ process: Int, _ text: String) -> Void,
        exhausted: @escaping @Sendable (String) -> Void, notify: @escaping @Sendable (ClusterNotice) -> Void
    ) throws {
        let mailbox = try Mailbox<ProcessSupervisor.Command>()
        self.mailbox = mailbox
        let processes = ProcessSupervisor.Configuration(
            count: configuration.count, executable: configuration.executable,
            arguments: { number in
                configuration.arguments + [
                    "--coordinator", endpoint, "--local-rank", "\(number)", "--cache-directory",
                    directory.appending(path: "cache").path, "--end-with-parent",
                ]
            }, environment: { _ in ComputeEnvironment.variables + configuration.environment },
            restart: RestartPolicy(maximumTotal: configuration.maximumRestarts), grace: configuration.grace)
        thread = ServiceThread(name: "tare-local") {
            let supervisor = ProcessSupervisor(configuration: processes) { event in
                switch event {
                case .wrote(let number, let line): notify(.workerLog(worker: number, line: line))
                case .ended(_, let process, let ending, let lastLine, _):
                    exited(
                        HostName.current, Int(process), ProcessSupervisor.reason(ending, lastLine: lastLine))
                case .notStarted: break
                case .exhausted(let number, let text): exhausted("worker \(number): \(text)")
                }
            }
            do {
                _ = try supervisor.run(mailbox)
            } catch {
                exhausted("the workers cannot be watched: \(error)")
            }
        }
    }

    func expectEnd() {
        mailbox.post(.expectEnd)
    }

    /// Ends all workers and waits for them.
    func end() async {
        mailbox.post(.end)
        await thread.ended()
    }
}
