import ArgumentParser
import Foundation
import Launch
import Wire

/// Where the coordinator is, and the key to talk to it.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the coordinator listens: tcp://HOST:PORT or ipc://PATH. Otherwise TARE_COORDINATOR, TARE_ADDRESS_FILE, or "
                + "what torchrun, Slurm or Kubernetes tell.", valueName: "endpoint"))
    var coordinator: String?

    @Option(
        help: ArgumentHelp(
            "File on a shared file system in which the coordinator says where it listens; waits for it.",
            valueName: "file"))
    var addressFile: String?

    @OptionGroup(title: "Keys")
    var keys: WorkerKeyOptions

    /// How long to wait for an address file, or a name that nobody can resolve yet.
    private static let patience: Duration = .seconds(60)

    /// Finds the coordinator and connects.
    ///
    /// - Throws: `LaunchError`, `AddressFileError`, `SecurityError`, `ZeroMQError` or `CommandFailure`.
    func connect() async throws -> CoordinatorConnection {
        let environment = try LaunchEnvironment(
            flags: LaunchFlags(coordinator: coordinator, addressFile: addressFile, localRank: nil),
            variables: ProcessInfo.processInfo.environment)
        let found = try await environment.findCoordinator(timeout: Self.patience) { text in
            StandardStreams.writeError("tare: \(text)")
        }
        return try CoordinatorConnection(endpoint: found.endpoint, security: keys.security(for: found))
    }
}
