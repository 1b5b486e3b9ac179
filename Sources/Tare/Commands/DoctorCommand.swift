import ArgumentParser
import Foundation

/// `tare doctor`: why a worker does not reach its coordinator, or a machine is not fit to be one.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Examine this machine and the way to the coordinator, and name the first step that fails.",
        discussion: """
            Takes the options of 'tare worker' and the environment that a launcher makes, and goes through the steps one by \
            one. Nothing is changed, here or at the coordinator. Exits with the status of the first step that failed, 0 if \
            none did.

            Examples:
              tare doctor --coordinator tcp://10.0.0.5:7788
              srun --ntasks-per-node 1 tare doctor --address-file /shared/tare.json
              tare doctor --state-dir /var/lib/tare
            """)

    @OptionGroup
    var launch: LaunchOptions

    @OptionGroup(title: "Keys")
    var keys: WorkerKeyOptions

    @Option(
        help: ArgumentHelp("The worker's cache folder; otherwise the one for temporary files.", valueName: "folder"))
    var cacheDirectory: String?

    @Option(help: ArgumentHelp("A coordinator's state folder, to be examined too.", valueName: "folder"))
    var stateDir: String?

    @Option(help: ArgumentHelp("Seconds that a step may wait.", valueName: "seconds"))
    var timeout: Int = 5

    @Flag(help: "Write the findings as JSON to standard output.")
    var json = false

    func validate() throws {
        if !(1...600).contains(timeout) { throw ValidationError("--timeout must be 1 to 600, not \(timeout).") }
    }

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let network = NetworkExamination(launch: launch, keys: keys, patience: .seconds(timeout))
            var folders = [("cache folder", cacheDirectory ?? FileManager.default.temporaryDirectory.path)]
            if let stateDir { folders.append(("state folder", stateDir)) }
            let report = FindingsReport(
                await network.findings() + MachineExamination(folders: folders).findings())
            if json {
                StandardStreams.writeOutput(try JSONText.encode(report))
            } else {
                for finding in report.findings { StandardStreams.writeOutput(finding.line) }
            }
            guard let failure = report.firstFailure, let status = ExitStatus(rawValue: report.status) else { return }
            throw CommandFailure(status, "The step '\(failure)' failed")
        }
    }
}
