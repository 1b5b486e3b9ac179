import ArgumentParser
import ControlAPI

/// `tare drain`: lets workers leave when their shard is done.
struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Let workers hand in their shard and leave.",
        discussion: """
            Examples:
              tare drain 4f2a09c1
              tare drain all
            """)

    @Argument(help: "The first digits of a worker's session, as 'tare workers' shows it, or all.")
    var worker: String

    @OptionGroup(title: "Coordinator")
    var connection: ConnectionOptions

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let selector: WorkerSelector = worker == "all" ? .all : .session(prefix: worker)
            let workers = try await connection.connect().ask(.drain(selector), for: PageDocument<WorkerDocument>.self)
            let draining = workers.items.count { $0.state == .draining }
            StandardStreams.writeOutput("\(draining) of \(workers.total) workers leave when their shard is done")
        }
    }
}
