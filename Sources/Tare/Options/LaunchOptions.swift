import ArgumentParser
import Foundation
import Launch

/// Where the coordinator is and which of several this worker is, where the environment does not tell.
struct LaunchOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the coordinator listens: tcp://HOST:PORT or ipc://PATH. Otherwise TARE_COORDINATOR, TARE_ADDRESS_FILE, or what torchrun, Slurm or Kubernetes tell.",
            valueName: "endpoint"))
    var coordinator: String?

    @Option(
        help: ArgumentHelp(
            "File on a shared file system in which the coordinator says where it listens; waits for it.",
            valueName: "file"))
    var addressFile: String?

    @Option(
        help: ArgumentHelp(
            "Number of this worker on its machine; otherwise what the launcher tells, or 0.", valueName: "n"))
    var localRank: Int?

    /// How this process was started, as options and environment tell.
    func environment() throws(LaunchError) -> LaunchEnvironment {
        try LaunchEnvironment(
            flags: LaunchFlags(coordinator: coordinator, addressFile: addressFile, localRank: localRank),
            variables: ProcessInfo.processInfo.environment)
    }
}

/// How many worker processes a command starts on its machine.
enum WorkersPerNode: ExpressibleByArgument, Equatable {
    /// As many as cores and memory allow.
    case automatic
    /// As many as given, at least one.
    case exactly(Int)

    init?(argument: String) {
        if argument == "auto" {
            self = .automatic
        } else if let count = Int(argument), (1...1024).contains(count) {
            self = .exactly(count)
        } else {
            return nil
        }
    }

    /// The number of processes, and why.
    func count(bytesPerWorker: Int) -> (count: Int, reason: String) {
        switch self {
        case .exactly(let count): (count, "--workers-per-node \(count)")
        case .automatic:
            UsableResources { path in try? String(contentsOfFile: path, encoding: .utf8) }
                .workers(bytesPerWorker: bytesPerWorker)
        }
    }
}
