import Calibration
import Execution
import Foundation
import Quantization
import Synchronization
import Wire
import WorkerService

/// Workers that return prepared statistics at once: what is left is the cost of the coordinator and the protocol.
///
///     feed-benchmark ENDPOINT WORKERS [--key FILE --server-key FILE]
@main
struct FeedBenchmark {
    static func main() async throws {
        var words = Array(CommandLine.arguments.dropFirst())
        func option(_ name: String) -> String? {
            guard let index = words.firstIndex(of: name), index + 1 < words.count else { return nil }
            defer { words.removeSubrange(index...index + 1) }
            return words[index + 1]
        }
        let (key, serverKey) = (option("--key"), option("--server-key"))
        guard words.count == 2, let count = Int(words[1]), count > 0, (key == nil) == (serverKey == nil) else {
            FileHandle.standardError.write(
                Data("usage: feed-benchmark ENDPOINT WORKERS [--key FILE --server-key FILE]\n".utf8))
            exit(64)
        }
        var security = SocketSecurity.unprotected
        if let key, let serverKey {
            security = .client(
                ClientSecurity(
                    keys: try KeyFile.readSecret(key), serverKey: try KeyFile.publicKey(fileOrKey: serverKey)))
        }
        let prepared = PreparedStatistics()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for rank in 0..<count {
                var configuration = WorkerServiceConfiguration(
                    coordinator: words[0], instructionSet: InstructionSet.arithmetic, build: "benchmark",
                    computers: PreparedComputers(prepared: prepared))
                configuration.security = security
                configuration.localRank = rank
                let worker = try WorkerService(configuration: configuration)
                group.addTask { _ = try await worker.run() }
            }
            try await group.waitForAll()
        }
    }
}

/// The statistics of every shard of a job, made before the first one is asked for.
final class PreparedStatistics: Sendable {
    private let bytes = Mutex<[[UInt8]]?>(nil)

    /// Prepares all shards: shard 0 is computed, the others have its values under the numbers of their own batches.
    func prepare(_ job: WorkerJob) throws {
        try bytes.withLock { bytes in
            guard bytes == nil else { return }
            let begun = ContinuousClock.now
            bytes = try Self.statistics(of: job)
            let size = bytes?.first?.count ?? 0
            let text = "prepared \(job.plan.shardCount) shards of \(size) bytes in \(ContinuousClock.now - begun)\n"
            FileHandle.standardError.write(Data(text.utf8))
        }
    }

    /// The statistics of a shard.
    func statistics(ofShard shard: Int) -> [UInt8] { bytes.withLock { $0?[shard] ?? [] } }

    private static func statistics(of job: WorkerJob) throws -> [[UInt8]] {
        let plan = job.plan
        let lease = Lease(
            shard: ShardReference(job: 1, shard: 0, attempt: 1), epoch: 1,
            specificationDigest: plan.specificationDigest, deliveryDigest: plan.digest, planDigest: plan.digest,
            progressTimeout: .seconds(60), purpose: .count, excluded: [])
        let computer = try CalibrationComputers(verifiesData: false).makeComputer(for: job)
        let first = try CalibrationStatistics(
            decoding: try computer.compute(try ShardTask(lease, plan: plan)) { _ in }, name: "shard 0")
        return try (0..<plan.shardCount).map { index in
            let batches = plan.shard(index).batches
            let tensors = try first.tensors.mapValues { tensor in
                try TensorStatistics(
                    counts: tensor.counts, range: tensor.range, histogram: tensor.histogram,
                    batches: zip(batches, tensor.batches).map { BatchRange(batchIndex: UInt64($0), range: $1.range) })
            }
            return try CalibrationStatistics(
                modelDigest: first.modelDigest, planDigest: first.planDigest, tensors: tensors
            ).encoded()
        }
    }
}

/// Hands out what was prepared.
struct PreparedComputers: ShardComputerFactory {
    let prepared: PreparedStatistics

    func makeComputer(for job: WorkerJob) throws -> any ShardComputer {
        try prepared.prepare(job)
        return Computer(prepared: prepared)
    }

    func loadModel(at url: URL) throws -> any LoadedModel { Model() }

    private final class Model: LoadedModel {}

    private final class Computer: ShardComputer {
        let prepared: PreparedStatistics

        init(prepared: PreparedStatistics) {
            self.prepared = prepared
        }

        func compute(_ task: ShardTask, progress: (Int) throws -> Void) throws -> [UInt8] {
            try progress(task.sampleCount)
            return prepared.statistics(ofShard: task.shard.index)
        }
    }
}
