import Calibration
import CoordinatorCore
import Testing
import Wire

@testable import CoordinatorService

/// What becomes of the statistics of shards, whatever comes.
@Suite struct CommitStoreTests {
    /// Commits bytes as a shard's.
    private static func commit(_ bytes: [UInt8], shard: Int, _ store: CommitStore<[UInt8]>) async -> String {
        let request = StoreRequest(
            session: SessionID(high: 0, low: 1), device: Device(node: "n", localRank: 0),
            commit: Commit(
                shard: ShardReference(job: 1, shard: shard, attempt: 1), epoch: 1, digest: ContentDigest(of: bytes),
                size: bytes.count, samples: 2))
        let answer = await withCheckedContinuation { continuation in
            store.store(request) { continuation.resume(returning: $0) }
        }
        return switch answer {
        case .stored: "stored"
        case .failed(let failure): "\(failure)"
        case .broken(let failure): "broken: \(failure)"
        }
    }

    private struct Refusal: Error, CustomStringConvertible {
        var description: String
    }

    /// The statistics of a shard are its samples' numbers.
    private static let reduction = ShardReduction<[UInt8]>(
        decode: { bytes, shard, _ in
            guard bytes.count == shard.samples.count else { throw Refusal(description: "damaged") }
            guard bytes == shard.samples.map(UInt8.init) else {
                throw Refusal(description: "of another shard than \(shard.index)")
            }
            return bytes
        }, merge: { $0 + $1 }, encode: { $0 }, decodeMerged: { $0 })

    @Test func whatIsNotTheStatisticsOfTheShardIsRefusedAndChangesNothing() async throws {
        let digest = ContentDigest(of: [1])
        let plan = try CalibrationPlan(
            JobSpecification(
                model: [.init(path: "m.onnx", digest: digest, byteCount: 1)], dataDigest: digest, sampleCount: 6,
                batchSize: 1, batchesPerShard: 2, observedTensors: [], collectsHistograms: false))
        let uploads = UploadStore(limit: 1 << 20)
        let store = CommitStore(plan: plan, reduction: Self.reduction, uploads: uploads)
        let right: [[UInt8]] = [[0, 1], [2, 3], [4, 5]]
        for (bytes, text) in [([], "damaged"), ([4], "damaged"), (right[1], "of another shard than 2")] {
            uploads.put(bytes, digest: ContentDigest(of: bytes))
            #expect(await Self.commit(bytes, shard: 2, store) == "\(StoreFailure.invalid(text: text))")
        }
        #expect(await Self.commit(right[2], shard: 2, store) == "\(StoreFailure.missing)")
        for shard in [2, 0, 1] {
            #expect(store.result() == nil)
            uploads.put(right[shard], digest: ContentDigest(of: right[shard]))
            #expect(await Self.commit(right[shard], shard: shard, store) == "stored")
        }
        let result = try #require(store.result())
        #expect(result.statistics == [0, 1, 2, 3, 4, 5])
        #expect(result.digests == right.map { ContentDigest(of: $0) })
    }
}
