import ArgumentParser
import ControlAPI

/// `tare cancel`: ends a job.
struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "cancel", abstract: "End a job without a result.")

    @Argument(help: "Number of the job.")
    var job: UInt64

    @Option(help: ArgumentHelp("Why, for those who look at the job later.", valueName: "text"))
    var reason: String = ""

    @OptionGroup(title: "Coordinator")
    var connection: ConnectionOptions

    @Flag(help: "Print the job as JSON.")
    var json = false

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let connection = try await connection.connect()
            let document = try connection.ask(.cancel(job: job, reason: reason), for: JobDocument.self)
            try JobReport(json: json).show(try JobWatch(connection: connection).untilEnd(of: document))
        }
    }
}
