internal import Calibration
internal import Foundation
internal import GRDB

extension StateStore {
    /// Counts shards: all of them, with what they do to their jobs' trees, in one transaction.
    ///
    /// Updates are applied in the order of the records. A node that a later record of the group merges is never written.
    ///
    /// - Throws: `full`; `refused` when a shard is counted already, its job has an end, or an update does not fit the
    ///   stored tree; `encoding`. Nothing is counted then.
    public func commit(_ records: [ShardCommit]) throws(StateStoreError) {
        guard !records.isEmpty else { return }
        try checkSpace()
        let changes = try TreeChanges(records)
        let time = now
        let byteCount = changes.added.reduce(records.count * 512) { $0 + $1.bytes.count + 16384 }
        try checkSpace(for: byteCount)
        try database.write(
            "record shards", byteCount: byteCount, points: (.commitBefore, .commitDuring, .commitAfter)
        ) { database in
            let shapes = try Self.openJobs(Set(records.map(\.job)), database)
            for record in records {
                guard let shape = shapes[record.job] else { throw StateStoreRefusal.unknownJob(record.job) }
                try record.check(shape)
                try Self.insert(record, time: time, into: database)
            }
            try changes.apply(to: database, shapes: shapes)
        }
    }

    /// The shapes of jobs that have no end.
    private static func openJobs(_ jobs: Set<UInt64>, _ database: Database) throws -> [UInt64: TreeShape] {
        var shapes: [UInt64: TreeShape] = [:]
        for job in jobs.sorted() { shapes[job] = TreeShape(count: try openJob(job, database).shardCount) }
        return shapes
    }

    /// The number and the shard count of a job that has no end.
    static func openJob(_ job: UInt64, _ database: Database) throws -> (number: Int, shardCount: Int) {
        guard let number = Int(exactly: job),
            let count = try Int.fetchOne(
                database.cachedStatement(sql: "SELECT shard_count FROM jobs WHERE job = ?"), arguments: [number]),
            count > 0
        else { throw StateStoreRefusal.unknownJob(job) }
        let end = try StateSchema.ends.rows(database, where: "job = ?", [number], order: "job").first
        if let state = try end?.text(1) {
            throw StateStoreRefusal.jobEnded(job, JobState(rawValue: state) ?? .failed)
        }
        return (number, count)
    }

    private static func insert(_ record: ShardCommit, time: Int, into database: Database) throws {
        do {
            try StateSchema.shards.insert(
                [
                    Int(record.job), record.shard, record.attempt, Data(record.session.bytes), record.device.node,
                    record.device.rank, Data(record.digest.bytes), record.size, record.samples, time,
                ], into: database)
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_PRIMARYKEY {
            throw StateStoreRefusal.alreadyCommitted(job: record.job, shard: record.shard)
        }
    }

    /// The bytes of a node of a job's tree, compared with their digest.
    ///
    /// - Throws: `refused(.malformed)` when no such node is kept.
    public func nodeBytes(job: UInt64, _ position: TreePosition) throws(StateStoreError) -> [UInt8] {
        try database.read("read merged statistics") { database in
            let key = [Int(clamping: job), position.level, position.index]
            let condition = "job = ? AND level = ? AND position = ?"
            guard let row = try StateSchema.nodes.rows(database, where: condition, key, order: "id").first,
                let data = try Data.fetchOne(
                    database, sql: "SELECT bytes FROM tree_nodes WHERE \(condition)",
                    arguments: StatementArguments(key))
            else { throw StateStoreRefusal.malformed("Job \(job) keeps no node at \(position)") }
            let bytes = Array(data)
            guard ContentDigest(of: bytes) == (try row.digest(3)) else {
                throw DamagedRow(table: "tree_nodes", key: "job \(job), \(position)")
            }
            return bytes
        }
    }

    /// The tree of a job, ready to go on.
    ///
    /// - Throws: `damaged` or what `decode` throws.
    public func tree<Value: Sendable>(
        of job: StoredJob, decode: (_ bytes: [UInt8], _ position: TreePosition) throws -> Value
    ) throws -> MergeTree<Value> {
        var nodes: [TreePosition: Value] = [:]
        for position in job.nodes {
            nodes[position] = try decode(nodeBytes(job: job.summary.job, position), position)
        }
        return try MergeTree(count: job.summary.shardCount, nodes: nodes)
    }

    /// The counted shards of a job, in order.
    public func shards(of job: UInt64) throws(StateStoreError) -> [CommittedShard] {
        try database.read("list shards") { try Self.shards(Int(clamping: job), $0) }
    }

    static func shards(_ job: Int, _ database: Database) throws -> [CommittedShard] {
        try StateSchema.shards.rows(database, where: "job = ?", [job], order: "shard").map(CommittedShard.init)
    }

    /// The shards of all jobs that a device computed, in order of job and shard.
    public func shards(
        committedBy device: WorkerDevice
    ) throws(StateStoreError) -> [(job: UInt64, shard: CommittedShard)] {
        try database.read("list shards of \(device)") { database in
            try StateSchema.shards.rows(
                database, where: "node = ? AND rank = ?", [device.node, device.rank], order: "job, shard"
            ).map { row in (UInt64(try row.integer(0)), try CommittedShard(row)) }
        }
    }
}

extension CommittedShard {
    init(_ row: SealedRow) throws {
        self.init(
            shard: try row.integer(1), attempt: try row.integer(2), session: try row.identifier(3),
            device: WorkerDevice(node: try row.text(4), rank: try row.integer(5)), digest: try row.digest(6),
            size: try row.integer(7), samples: try row.integer(8))
    }
}

extension ShardCommit {
    /// Whether the update fits the shape: the new node covers exactly the shard and the removed nodes.
    fileprivate func check(_ shape: TreeShape) throws {
        guard (0..<shape.count).contains(shard) else { throw StateStoreRefusal.unknownShard(job: job, shard: shard) }
        guard shape.isStorable(update.position), let leaves = shape.leaves(of: update.position),
            leaves.contains(shard)
        else { throw refusal("\(update.position) is no node above the shard") }
        let below = update.removed.compactMap { shape.leaves(of: $0) }
        guard below.count == update.removed.count, Set(update.removed).count == below.count,
            below.allSatisfy({ leaves.clamped(to: $0) == $0 && !$0.contains(shard) }),
            below.reduce(1, { $0 + $1.count }) == leaves.count
        else { throw refusal("the removed nodes and the shard are not what lies below \(update.position)") }
        guard size >= 0, samples >= 0, device.rank >= 0, attempt >= 0 else {
            throw StateStoreRefusal.malformed("Shard \(shard) of job \(job) has a negative size or count")
        }
    }

    private func refusal(_ reason: String) -> StateStoreRefusal {
        .merge(job: job, shard: shard, reason: reason)
    }
}

/// What a group of shards does to the stored nodes.
private struct TreeChanges {
    struct Key: Hashable {
        var job: UInt64
        var position: TreePosition
    }

    struct Node {
        var key: Key
        var bytes: [UInt8]
    }

    /// Stored nodes that go, with the shard whose merge takes them.
    private var removed: [(key: Key, shard: Int)] = []
    /// Nodes that come, in the order of the records.
    private(set) var added: [Node] = []

    init(_ records: [ShardCommit]) throws(StateStoreError) {
        var pending: [Key: Int] = [:]
        for (index, record) in records.enumerated() {
            for position in record.update.removed {
                let key = Key(job: record.job, position: position)
                if pending.removeValue(forKey: key) == nil { removed.append((key, record.shard)) }
            }
            pending[Key(job: record.job, position: record.update.position)] = index
        }
        for (index, record) in records.enumerated() {
            let key = Key(job: record.job, position: record.update.position)
            guard pending[key] == index else { continue }
            do {
                added.append(Node(key: key, bytes: try record.update.bytes()))
            } catch {
                throw .encoding(job: record.job, position: record.update.position, reason: "\(error)")
            }
        }
    }

    func apply(to database: Database, shapes: [UInt64: TreeShape]) throws {
        let deletion = try database.cachedStatement(
            sql: "DELETE FROM tree_nodes WHERE job = ? AND level = ? AND position = ?")
        for (key, shard) in removed {
            try deletion.execute(arguments: key.arguments)
            guard database.changesCount == 1 else {
                throw StateStoreRefusal.merge(
                    job: key.job, shard: shard, reason: "no node is kept at \(key.position)")
            }
        }
        for node in added {
            let digest = ContentDigest(of: node.bytes)
            let position = node.key.position
            try StateSchema.nodes.insert(
                [Int(node.key.job), position.level, position.index, Data(digest.bytes), node.bytes.count],
                bytes: node.bytes, into: database)
        }
        for node in added {
            guard let neighbour = shapes[node.key.job]?.neighbour(of: node.key.position) else { continue }
            let found = try Int.fetchOne(
                database.cachedStatement(
                    sql: "SELECT 1 FROM tree_nodes WHERE job = ? AND level = ? AND position = ?"),
                arguments: Key(job: node.key.job, position: neighbour).arguments)
            guard found == nil else {
                throw StateStoreRefusal.merge(
                    job: node.key.job, shard: shapes[node.key.job]?.leaves(of: node.key.position)?.lowerBound ?? 0,
                    reason: "the nodes at \(node.key.position) and \(neighbour) are not merged")
            }
        }
    }
}

extension TreeChanges.Key {
    fileprivate var arguments: StatementArguments { [Int(clamping: job), position.level, position.index] }
}
