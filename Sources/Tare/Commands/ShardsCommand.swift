import ArgumentParser
import Calibration
import ControlAPI
import Foundation

/// `tare shards`: where each shard of a job stands.
struct ShardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shards",
        abstract: "Show the shards of a job.",
        discussion: """
            Examples:
              tare shards 3 --coordinator tcp://head:7788
              tare shards 3 --watch
            """)

    @Argument(help: "Number of the job.")
    var job: UInt64

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
                // The job first, so that the last shards are shown as they ended.
                let hasEnded = try connection.ask(.status(job: job), for: JobDocument.self).ended != nil
                let shards = try connection.all { .shards(job: job, $0) } as [ShardDocument]
                return (try json ? [Self.document(shards)] : Self.table(shards), hasEnded)
            }
        }
    }

    private static func document(_ shards: [ShardDocument]) throws -> String {
        try Documents.text(PageDocument(offset: 0, total: shards.count, items: shards))
    }

    private static func table(_ shards: [ShardDocument]) -> [String] {
        var table = TextTable(["shard", "samples", "state", "attempts", "worker", "digest"])
        for shard in shards {
            table.append([
                "\(shard.index)", "\(shard.firstSample)-\(shard.firstSample + shard.samples - 1)",
                shard.state.rawValue, "\(shard.attempts)", shard.worker ?? "",
                shard.sha256.map { String($0.hexadecimal.prefix(12)) } ?? "",
            ])
        }
        return table.lines
    }
}
