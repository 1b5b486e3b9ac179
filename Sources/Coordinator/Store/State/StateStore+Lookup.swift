internal import Foundation
internal import GRDB

extension StateStore {
    /// The job that a submission with these random bytes became; `nil` when it is a new one.
    public func job(submittedAs request: StateIdentifier) throws(StateStoreError) -> UInt64? {
        try database.read("look for a submission") { database in
            try StateSchema.jobs.rows(database, where: "request = ?", [Data(request.bytes)], order: "job").first
                .map { UInt64(try $0.integer(0)) }
        }
    }

    /// Samples that a job leaves out, in order.
    public func poisonedSamples(of job: UInt64) throws(StateStoreError) -> [PoisonedSample] {
        try database.read("list poisoned samples") { try Self.poisoned(Int(clamping: job), $0) }
    }

    /// Further computations of a job's counted shards, in order of shard and session.
    public func witnesses(of job: UInt64) throws(StateStoreError) -> [ShardWitness] {
        try database.read("list witnesses") { try Self.witnesses(Int(clamping: job), $0) }
    }

    static func poisoned(_ job: Int, _ database: Database) throws -> [PoisonedSample] {
        try StateSchema.poisoned.rows(database, where: "job = ?", [job], order: "sample").map { row in
            PoisonedSample(sample: try row.integer(1), reason: try row.text(2))
        }
    }

    static func witnesses(_ job: Int, _ database: Database) throws -> [ShardWitness] {
        try StateSchema.witnesses.rows(database, where: "job = ?", [job], order: "shard, session").map { row in
            ShardWitness(
                shard: try row.integer(1), session: try row.identifier(2),
                device: WorkerDevice(node: try row.text(3), rank: try row.integer(4)), digest: try row.digest(5))
        }
    }

    /// Bytes of all files in the state directory; looks at each of them.
    public func usedBytes() throws(StateStoreError) -> Int {
        let folder = URL(filePath: directory, directoryHint: .isDirectory)
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.fileSizeKey])
        var bytes = 0
        while let file = files?.nextObject() as? URL {
            // A file that has gone in between counts nothing.
            bytes += (try? file.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0
        }
        return bytes
    }

    /// Free bytes of the file system of the state directory.
    public func freeBytes() throws(StateStoreError) -> Int {
        try blobs.availableBytes()
    }
}
