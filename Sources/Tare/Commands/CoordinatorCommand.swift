public import ArgumentParser
import CoordinatorCore
import CoordinatorService
import Foundation
import Launch
import Logging
public import Logs
import Wire

/// `tare coordinator`: the daemon that serves jobs to workers.
struct CoordinatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Serve jobs to workers, and keep everything that is decided across restarts.",
        discussion: """
            Jobs are handed in with 'tare submit' and computed by every 'tare worker' that joins. What is acknowledged is on the \
            disk: kill the coordinator at any time, start it again with the same --state-dir, and it goes on. SIGHUP reads \
            the allow list again.

            Examples:
              tare coordinator --state-dir /var/lib/tare --data-root /data --listen 'tcp://*:7788' --keys keys
              tare coordinator --state-dir state --data-root . --insecure
            """)

    @Option(help: ArgumentHelp("Where jobs, decisions, statistics and models are kept.", valueName: "folder"))
    var stateDir: String

    @Option(
        help: ArgumentHelp(
            "Where to listen: tcp://ADDRESS:PORT or ipc://PATH. The data socket takes the next port.",
            valueName: "endpoint"))
    var listen: String = "tcp://127.0.0.1:7788"

    @Option(
        name: .customLong("data-root"),
        help: ArgumentHelp("A folder whose files jobs may name; may be repeated.", valueName: "folder"))
    var dataRoots: [String] = []

    @Option(
        help: ArgumentHelp(
            "Write address and public key to this file, for workers with --address-file.", valueName: "file"))
    var addressFile: String?

    @Option(help: ArgumentHelp("Seconds that a silent worker keeps its shard.", valueName: "seconds"))
    var lease: Int = 30

    @Option(
        help: ArgumentHelp(
            "Free megabytes of the state directory's disk below which nothing more is taken.", valueName: "MB"))
    var lowWater: Int = 256

    @Option(help: "How log entries look: plain or json.")
    var logFormat: LogFormat = .plain

    @OptionGroup(title: "HTTP")
    var http: HTTPOptions

    @OptionGroup(title: "Keys")
    var keys: CoordinatorKeyOptions

    func validate() throws {
        guard (2...86_400).contains(lease) else {
            throw ValidationError("--lease must be from 2 to 86400, not \(lease).")
        }
        guard (1...1_048_576).contains(lowWater) else {
            throw ValidationError("--low-water must be from 1 to 1048576, not \(lowWater).")
        }
    }

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let log = DaemonLog(logger: Logger(label: "coordinator", format: logFormat))
            var configuration = DaemonConfiguration(stateDirectory: stateDir, endpoint: listen, build: Version.text)
            configuration.access = try keys.access(at: Endpoint(listen))
            configuration.core.leaseDuration = .seconds(lease)
            configuration.core.heartbeatInterval = .milliseconds(lease * 1000 / 6)
            configuration.lowWaterBytes = lowWater << 20
            let environment = try LaunchEnvironment(variables: ProcessInfo.processInfo.environment)
            let daemon = DaemonRun(
                daemon: CoordinatorDaemon(
                    configuration: configuration, factory: CalibrationJobFactory(roots: try DataRoots(dataRoots))),
                http: try http.configuration(),
                address: try AddressPublication(path: addressFile, job: environment.jobID?.value),
                serverKey: configuration.access.publicKey?.text,
                log: log)
            let reload = AllowListReload(configuration.access) { log.logger.notice("\($0)") }
            defer { reload.cancel() }
            // A coordinator that is told to end has done what it was asked: jobs go on when it is started again.
            try await Interruption.untilSignal { try await daemon.run() }
        }
    }
}

extension LogFormat: ExpressibleByArgument {}
