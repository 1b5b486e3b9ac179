import ArgumentParser
import Execution
import Foundation
import WorkerCore
import WorkerService

/// `tare worker`: computes shards for a coordinator until there are no more.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Join a coordinator and compute shards until it has no more.",
        discussion: """
            Workers may join and leave at any time. On SIGTERM or Ctrl-C the worker gives its shard back and ends with \
            status 75.

            Example:
              tare worker --coordinator tcp://127.0.0.1:7788
            """)

    @Option(help: ArgumentHelp("Where the coordinator listens: tcp://HOST:PORT or ipc://PATH.", valueName: "endpoint"))
    var coordinator: String

    @Option(help: ArgumentHelp("Number of this worker on its machine.", valueName: "n"))
    var localRank: Int = 0

    @Option(
        help: ArgumentHelp(
            "Where the workers of this machine keep models; by default a temporary folder that the last one removes.",
            valueName: "folder"))
    var cacheDirectory: String?

    @Option(help: ArgumentHelp("Seconds to look for a coordinator before giving up.", valueName: "seconds"))
    var joinTimeout: Int = 60

    @Flag(
        help: ArgumentHelp(
            "End when standard input is closed; for workers that another process starts.", visibility: .hidden))
    var endWithParent = false

    func validate() throws {
        if localRank < 0 { throw ValidationError("--local-rank must be at least 0, not \(localRank).") }
        if joinTimeout < 1 { throw ValidationError("--join-timeout must be at least 1, not \(joinTimeout).") }
    }

    func run() async throws {
        try await FailureReport.exitOnFailure {
            var configuration = WorkerServiceConfiguration(
                coordinator: coordinator, instructionSet: InstructionSet.arithmetic, build: Version.text,
                computers: CalibrationComputers(verifiesData: !endWithParent))
            configuration.localRank = localRank
            configuration.cacheDirectory = cacheDirectory.map { URL(filePath: $0, directoryHint: .isDirectory) }
            configuration.endsWithParent = endWithParent
            configuration.joinTimeout = .seconds(joinTimeout)
            configuration.log = { StandardStreams.writeError($0) }
            let service = try WorkerService(configuration: configuration)
            let exit = try await Interruption.cancelling { try await service.run() }
            if case .drained = exit {
                throw CommandFailure(.drained, "Drained: the worker left before the job was done")
            }
        }
    }
}
