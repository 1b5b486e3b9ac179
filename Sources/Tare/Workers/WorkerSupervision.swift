import Dispatch
import Foundation
import Glibc
import Launch
import Processes
import Synchronization
import Wire

/// `tare worker --workers-per-node`: several workers on this machine, kept running until the work is done.
struct WorkerSupervision {
    /// How many workers.
    let count: Int
    /// How the supervisor was started.
    let environment: LaunchEnvironment
    /// The command line of the supervisor, beginning with the command.
    let words: [String]

    /// Five crashes in a row within a minute each, and a worker is given up: the pauses between them add to half a minute.
    private static let restart = RestartPolicy(
        maximumInARow: 5, firstDelay: .seconds(1), longestDelay: .seconds(30), healthyAfter: .seconds(60),
        isWorthwhile: WorkerEndings.isCrash)

    /// Runs the workers to their end.
    ///
    /// - Throws: `CommandFailure` with the status that says most about how they ended.
    func run() async throws {
        let mailbox = try Mailbox<ProcessSupervisor.Command>()
        let isDraining = Mutex(false)
        // The first signal drains the workers, a second one ends theirs at once.
        let signals = SignalWatch { _ in
            let isFirst = isDraining.withLock { value in
                defer { value = true }
                return !value
            }
            StandardStreams.writeError("tare: \(isFirst ? "draining" : "ending") the workers")
            mailbox.post(.drain)
        }
        defer { signals.cancel() }
        let configuration = processes()
        let result = Mutex<Result<[ChildProcess.Ending?], ZeroMQError>>(.success([]))
        let thread = ServiceThread(name: "tare-workers") {
            let supervisor = ProcessSupervisor(configuration: configuration, tell: Self.tell)
            do throws(ZeroMQError) {
                let endings = try supervisor.run(mailbox)
                result.withLock { $0 = .success(endings) }
            } catch {
                result.withLock { $0 = .failure(error) }
            }
        }
        await thread.ended()
        let endings = WorkerEndings(try result.withLock { try $0.get() }, wereDrained: isDraining.withLock { $0 })
        if let failure = endings.failure { throw failure }
    }

    private static func tell(_ event: ProcessSupervisor.Event) {
        switch event {
        case .wrote(let number, let line): StandardStreams.writeError("worker \(number): \(line)")
        case .ended(_, _, .exited(status: 0), _, nil): break
        case .ended(let number, let process, let ending, _, let restart):
            let next = restart.map { "; it starts again in \($0.components.seconds) s" } ?? ""
            StandardStreams.writeError("tare: worker \(number) (process \(process)) has left: \(ending)\(next)")
        case .notStarted(let number, let text): StandardStreams.writeError("tare: worker \(number): \(text)")
        case .exhausted: break
        }
    }

    private func processes() -> ProcessSupervisor.Configuration {
        let own = WorkerArguments(words).withoutSupervision
        let location = environment.coordinator.map { coordinator in
            switch coordinator.value {
            case .endpoint(let text): ["--coordinator", text]
            case .addressFile(let path): ["--address-file", path]
            }
        }
        let count = count
        let first = environment.rank.value * count
        let world = environment.worldSize.map { $0.value * count }
        return ProcessSupervisor.Configuration(
            count: count,
            arguments: { number in
                own + (location ?? []) + ["--local-rank", "\(number)", "--end-with-parent"]
            },
            environment: { number in
                ComputeEnvironment.variables
                    + [("TARE_RANK", "\(first + number)"), ("TARE_LOCAL_WORLD_SIZE", "\(count)")]
                    + (world.map { [("TARE_WORLD_SIZE", "\($0)")] } ?? [])
            },
            restart: Self.restart)
    }
}
