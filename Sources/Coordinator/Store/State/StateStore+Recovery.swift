internal import Calibration
internal import GRDB

extension StateStore {
    /// Everything that a coordinator needs to go on; the bytes of nodes and blobs are read when they are asked for.
    ///
    /// - Throws: `damaged` when a row was changed, or the nodes of a tree do not cover exactly the counted shards.
    public func recover() throws(StateStoreError) -> StoredState {
        let (cluster, epoch) = (cluster, epoch)
        return try database.read("recover the state") { database in
            var state = StoredState(
                cluster: cluster, epoch: epoch, unfinished: [], finished: [],
                quarantined: try StateSchema.quarantined.rows(database, order: "node, rank").map { row in
                    QuarantinedDevice(
                        device: WorkerDevice(node: try row.text(0), rank: try row.integer(1)), reason: try row.text(2))
                })
            for row in try StateSchema.jobs.rows(database, order: "job") {
                let summary = try Self.summary(row, database)
                if summary.end == nil {
                    state.unfinished.append(
                        try Self.recover(summary, submission: Self.submission(row, database), database))
                } else {
                    state.finished.append(summary)
                }
            }
            return state
        }
    }

    private static func recover(
        _ summary: JobSummary, submission: JobSubmission, _ database: Database
    ) throws -> StoredJob {
        let job = Int(summary.job)
        func rows(_ table: SealedTable, order: String) throws -> [SealedRow] {
            try table.rows(database, where: "job = ?", [job], order: order)
        }
        func device(_ row: SealedRow, _ column: Int) throws -> WorkerDevice {
            WorkerDevice(node: try row.text(column), rank: try row.integer(column + 1))
        }
        let recovered = StoredJob(
            summary: summary, submission: submission, shards: try shards(job, database),
            nodes: try rows(StateSchema.nodes, order: "level, position").map { row in
                TreePosition(level: try row.integer(1), index: try row.integer(2))
            },
            poisoned: try poisoned(job, database),
            losses: try rows(StateSchema.losses, order: "shard, session").map { row in
                ShardLoss(
                    shard: try row.integer(1), session: try row.identifier(2), device: try device(row, 3),
                    reason: try row.text(5))
            },
            witnesses: try witnesses(job, database),
            restarts: try rows(StateSchema.restarts, order: "restart").map { row in
                JobRestart(device: try device(row, 2), reason: try row.text(4), discarded: try row.integer(5))
            })
        try check(recovered)
        return recovered
    }

    /// The tree holds each counted shard once, and no other.
    private static func check(_ job: StoredJob) throws {
        let shape = TreeShape(count: job.summary.shardCount)
        do {
            try shape.check(job.nodes)
        } catch {
            throw DamagedRow(table: "tree_nodes", key: "job \(job.summary.job): \(error)")
        }
        let covered = job.nodes.compactMap { shape.leaves(of: $0) }.flatMap { $0 }.sorted()
        guard covered == job.shards.map(\.shard) else {
            throw DamagedRow(
                table: "tree_nodes",
                key: "job \(job.summary.job): the merged shards are not the \(job.shards.count) counted ones")
        }
    }
}
