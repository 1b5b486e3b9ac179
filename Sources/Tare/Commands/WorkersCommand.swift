import ArgumentParser
import ControlAPI
import Foundation

/// `tare workers`: who computes for a coordinator.
struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers",
        abstract: "Show the workers of a coordinator.",
        discussion: """
            Examples:
              tare workers --coordinator tcp://head:7788 --watch
              tare workers --json
            """)

    @OptionGroup(title: "Coordinator")
    var connection: ConnectionOptions

    @OptionGroup
    var watching: WatchOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let connection = try await connection.connect()
            try watching.show {
                let workers = try connection.all { .workers($0) } as [WorkerDocument]
                return (try json ? [Self.document(workers)] : Self.table(workers), false)
            }
        }
    }

    private static func document(_ workers: [WorkerDocument]) throws -> String {
        try Documents.text(PageDocument(offset: 0, total: workers.count, items: workers))
    }

    private static func table(_ workers: [WorkerDocument]) -> [String] {
        var table = TextTable([
            "session", "node", "process", "state", "job", "shard", "samples/s", "heard", "memory",
        ])
        for worker in workers {
            table.append([
                String(worker.session.description.prefix(8)), "\(worker.node)/\(worker.localRank)",
                "\(worker.process)", worker.state.rawValue, worker.job.map { "\($0)" } ?? "",
                worker.shard.map { "\($0)" } ?? "",
                worker.samplesPerSecond.map { String(format: "%.1f", $0) } ?? "",
                String(format: "%.1f s", worker.secondsSinceHeard), "\(worker.residentBytes / 1_000_000) MB",
            ])
        }
        return table.lines
    }
}
