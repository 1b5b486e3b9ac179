import ArgumentParser
import ControlAPI
import Foundation

/// `tare status`: how a coordinator and its jobs are.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the jobs of a coordinator, or one of them.",
        discussion: """
            Examples:
              tare status --coordinator tcp://head:7788
              tare status 3 --watch    until the job ends
              tare status --watch
            """)

    @Argument(help: "Number of a job.")
    var job: UInt64?

    @OptionGroup(title: "Coordinator")
    var connection: ConnectionOptions

    @OptionGroup
    var watching: WatchOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let connection = try await connection.connect()
            if let job {
                var document = try connection.ask(.status(job: job), for: JobDocument.self)
                if watching.watch { document = try JobWatch(connection: connection).untilEnd(of: document) }
                try JobReport(json: json).show(document)
                return
            }
            try watching.show {
                let jobs = try connection.all { .jobs($0) } as [JobDocument]
                if json {
                    return ([try Documents.text(PageDocument(offset: 0, total: jobs.count, items: jobs))], false)
                }
                let cluster = try connection.ask(.cluster, for: ClusterDocument.self)
                return (Self.lines(of: cluster) + Self.table(jobs), false)
            }
        }
    }

    private static func lines(of cluster: ClusterDocument) -> [String] {
        [
            "coordinator \(cluster.build), epoch \(cluster.epoch), \(cluster.isReady ? "ready" : "not ready"): "
                + "\(cluster.workers) workers, \(cluster.workersBusy) busy"
        ] + cluster.reasons.map { "not ready: \($0)" }
    }

    private static func table(_ jobs: [JobDocument]) -> [String] {
        var table = TextTable(["job", "name", "state", "priority", "shards", "samples"])
        for job in jobs {
            table.append([
                "\(job.id)", job.name, job.state.rawValue, "\(job.priority)", "\(job.shardsDone)/\(job.shardsTotal)",
                "\(job.samplesDone)/\(job.samplesTotal)",
            ])
        }
        return table.lines
    }
}

extension CoordinatorConnection {
    /// All items of a list, page by page.
    func all<Item: ControlDocument>(_ request: (Page) -> ControlRequest) throws -> [Item] {
        var items: [Item] = []
        while true {
            let page = try ask(
                request(Page(offset: items.count, limit: ControlLimits.pageEntries)), for: PageDocument<Item>.self)
            items += page.items
            if items.count >= page.total || page.items.isEmpty { return items }
        }
    }
}
