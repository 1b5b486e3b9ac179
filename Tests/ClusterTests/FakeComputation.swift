import Calibration
import CoordinatorService
import Foundation
import Synchronization
import Wire
import WorkerService

/// Sums of made-up samples: what a cluster must get right without any model.
enum FakeComputation {
    /// The raw bytes of a sample: some are longer than a chunk.
    static func sample(_ index: Int) -> [UInt8] {
        let count = index % 40 == 3 ? 300_000 + index : 10 + index
        return (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ index) }
    }

    static func sum(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    }

    /// The statistics of a range of samples: the sample indices and their sums, in order, and a filler.
    static func statistics(_ samples: Range<Int>, filler: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in samples {
            for word in [UInt64(index), sum(sample(index))] {
                bytes += (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
            }
        }
        return bytes + [UInt8](repeating: 7, count: filler)
    }

    static func job(
        samples: Int, perShard: Int, delivery: DataDelivery, model: [UInt8] = Array("model".utf8), filler: Int = 0,
        instructionSet: String? = nil
    ) throws -> ClusterJob<[UInt8]> {
        let blob = Blob(model)
        let specification = try JobSpecification(
            model: [.init(path: "sub/model.onnx", digest: blob.digest, byteCount: model.count)],
            dataDigest: ContentDigest(of: []), sampleCount: samples, batchSize: 1, batchesPerShard: perShard,
            observedTensors: ["x"], collectsHistograms: true, options: "{\"filler\":\(filler)}",
            requiredInstructionSet: instructionSet)
        return ClusterJob(
            specification: specification, delivery: delivery, blobs: [blob], samples: Source(),
            reduction: ShardReduction(
                decode: { bytes, shard, _ in
                    guard bytes.count == shard.samples.count * 16 + filler else { throw Refusal(text: "wrong size") }
                    return Array(bytes.prefix(shard.samples.count * 16))
                }, merge: { $0 + $1 }, encode: { $0 }, decodeMerged: { $0 }))
    }

    struct Refusal: Error, CustomStringConvertible {
        var text: String
        var description: String { text }
    }

    struct Source: SampleByteSource {
        func bytes(ofSample index: Int) throws -> [UInt8] {
            if index == 666 { throw Refusal(text: "sample-666.png is not an image") }
            return sample(index)
        }
    }
}

/// Computes fake statistics; can fail, or vanish in the middle of a shard.
struct FakeComputers: ShardComputerFactory {
    var expectedModel = Array("model".utf8)
    /// Called before each sample; an error it throws is the shard's.
    var beforeSample: @Sendable (Int) throws -> Void = { _ in }

    func makeComputer(for job: WorkerJob) throws -> any ShardComputer {
        let url = job.modelFolder.appending(path: job.plan.specification.model[0].path)
        guard Array(try Data(contentsOf: url)) == expectedModel else {
            throw ShardComputationError(.data, "another model")
        }
        return Computer(job: job, beforeSample: beforeSample)
    }

    func loadModel(at url: URL) throws -> any LoadedModel { Model() }

    private final class Model: LoadedModel {}

    private final class Computer: ShardComputer {
        let job: WorkerJob
        let beforeSample: @Sendable (Int) throws -> Void

        init(job: WorkerJob, beforeSample: @escaping @Sendable (Int) throws -> Void) {
            self.job = job
            self.beforeSample = beforeSample
        }

        func compute(_ task: ShardTask, progress: (Int) throws -> Void) throws -> [UInt8] {
            let filler = Int(job.plan.specification.options.filter(\.isNumber)) ?? 0
            var bytes: [UInt8] = []
            job.samples?.prefetch(task.part)
            for (done, index) in task.samples(of: task.part).enumerated() {
                try beforeSample(index)
                if let samples = job.samples {
                    guard try samples.bytes(ofSample: index) == FakeComputation.sample(index) else {
                        throw ShardComputationError(.data, "sample \(index) differs", sample: index)
                    }
                }
                bytes += FakeComputation.statistics(index..<index + 1, filler: 0)
                try progress(done + 1)
            }
            return bytes + [UInt8](repeating: 7, count: filler)
        }
    }
}
