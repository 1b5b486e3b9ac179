import ArgumentParser
import Execution
import Foundation
import Launch
import MLU
import Wire
import WorkerCore
import WorkerService

/// `tare worker`: computes shards for a coordinator until there are no more.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Join a coordinator and compute shards until it has no more.",
        discussion: """
            Workers may join and leave at any time. On SIGTERM or Ctrl-C the worker gives its shard back and ends with \
            status 75. Under torchrun, Slurm, Open MPI or Kubernetes it finds its ranks, and where possible the \
            coordinator, in the environment, and says in one line who told it what.

            Examples:
              tare worker --coordinator tcp://HOST:7788 --key keys/worker.secret --server-key keys/coordinator.public
              tare worker --address-file /shared/tare.json --key keys/worker.secret --workers-per-node auto
            """)

    @OptionGroup
    var launch: LaunchOptions

    @Option(
        help: ArgumentHelp(
            "Start this many workers and stay with them: restart those that crash, drain all on SIGTERM. auto takes one per usable core, as far as the memory lasts.",
            valueName: "n|auto"))
    var workersPerNode: WorkersPerNode?

    @Option(
        help: ArgumentHelp(
            "Memory that --workers-per-node auto counts for each worker, in MiB.", valueName: "MiB"))
    var memoryPerWorker: Int = 1024

    @OptionGroup(title: "Keys")
    var keys: WorkerKeyOptions

    @Option(
        help: ArgumentHelp(
            "Where the workers of this machine keep models; by default a temporary folder that the last one removes.",
            valueName: "folder"))
    var cacheDirectory: String?

    @Option(help: ArgumentHelp("Seconds to look for a coordinator before giving up.", valueName: "seconds"))
    var joinTimeout: Int = 60

    @Option(
        help: ArgumentHelp(
            "Seconds that the shard in hand may take after SIGTERM, before it is given back.", valueName: "seconds"))
    var grace: Int = 30

    @Option(
        help: ArgumentHelp(
            "Seconds after which the worker leaves by itself, for machines that are lent for a limited time.",
            valueName: "seconds"))
    var lifetime: Int?

    @Option(
        help: ArgumentHelp(
            "Megabytes of memory that the worker may take; a shard that needs more is given back.", valueName: "MB"))
    var memoryLimit: Int?

    @Flag(help: "Keep the last converted model in memory, ready to run.")
    var serve = false

    @OptionGroup(title: "Simulated device")
    var device: DeviceChoice

    @OptionGroup(title: "Dump")
    var dump: DumpOptions

    @Flag(
        help: ArgumentHelp(
            "End when standard input is closed; for workers that another process starts.", visibility: .hidden))
    var endWithParent = false

    @Flag(
        help: ArgumentHelp(
            "Take the data as they are; for workers beside a coordinator that has hashed the same files.",
            visibility: .hidden))
    var dataIsVerified = false

    func validate() throws {
        let least = [
            ("--grace", grace, 0), ("--lifetime", lifetime ?? 1, 1), ("--memory-limit", memoryLimit ?? 64, 64),
        ]
        for (name, value, minimum) in least where value < minimum {
            throw ValidationError("\(name) must be at least \(minimum), not \(value).")
        }
        if let rank = launch.localRank, rank < 0 {
            throw ValidationError("--local-rank must be at least 0, not \(rank).")
        }
        if joinTimeout < 1 { throw ValidationError("--join-timeout must be at least 1, not \(joinTimeout).") }
        if !(1...1_048_576).contains(memoryPerWorker) {
            throw ValidationError("--memory-per-worker must be 1 to 1048576 MiB, not \(memoryPerWorker).")
        }
    }

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let environment = try launch.environment()
            guard environment.coordinator != nil else { throw LaunchError.noCoordinator }
            // A supervisor has said it for the workers that it starts.
            if !endWithParent { StandardStreams.writeError("tare: \(environment)") }
            if let workersPerNode, !startsExactlyOne(environment) {
                let (count, reason) = workersPerNode.count(bytesPerWorker: memoryPerWorker << 20)
                StandardStreams.writeError("tare: starting \(count) \(count == 1 ? "worker" : "workers") (\(reason))")
                try await WorkerSupervision(
                    count: count, environment: environment, words: Array(CommandLine.arguments.dropFirst())
                ).run()
            } else {
                try await work(environment)
            }
        }
    }

    /// Whether a launcher starts the workers of this node one by one.
    private func startsExactlyOne(_ environment: LaunchEnvironment) -> Bool {
        guard environment.isOneOfSeveral, let size = environment.localWorldSize else { return false }
        StandardStreams.writeError(
            "tare: --workers-per-node is not needed: the launcher starts \(size.value) processes on this node "
                + "(\(size.variable)); this one is one worker")
        return true
    }

    /// Joins the coordinator as one worker.
    private func work(_ environment: LaunchEnvironment) async throws {
        let exit = try await Interruption.cancelling {
            let coordinator = try await environment.findCoordinator(timeout: .seconds(joinTimeout)) { text in
                StandardStreams.writeError("tare: \(text)")
            }
            var configuration = WorkerServiceConfiguration(
                coordinator: coordinator.endpoint.text, instructionSet: InstructionSet.arithmetic, build: Version.text,
                computers: CalibrationComputers(
                    verifiesData: !dataIsVerified, device: try device.makeDevice(),
                    dump: dump.configuration?.forWorker(environment.localRank.value),
                    tell: { StandardStreams.writeError("tare: \($0)") }))
            configuration.security = try keys.security(for: coordinator)
            configuration.localRank = environment.localRank.value
            configuration.node = environment.nodeName?.value ?? configuration.node
            configuration.cacheDirectory = cacheDirectory.map { URL(filePath: $0, directoryHint: .isDirectory) }
            configuration.endsWithParent = endWithParent
            configuration.drainGrace = .seconds(grace)
            configuration.lifetime = lifetime.map { .seconds($0) }
            configuration.memoryLimit = memoryLimit.map { $0 << 20 }
            configuration.keepsModels = serve
            configuration.joinTimeout = .seconds(joinTimeout)
            configuration.log = { StandardStreams.writeError($0) }
            return try await WorkerService(configuration: configuration).run()
        }
        if case .drained = exit {
            throw CommandFailure(.drained, "Drained: the worker has left; what it had not done goes to others")
        }
    }
}
