import TestSupport
import Testing

@testable import Calibration

@Suite struct PlanTests {
    static func job(samples: Int, batch: Int, perShard: Int, tensors: [String] = ["b", "a"]) throws -> JobSpecification
    {
        try JobSpecification(
            model: [.init(path: "m.onnx", digest: ContentDigest(of: [1]), byteCount: 1)],
            dataDigest: ContentDigest(of: [2]), sampleCount: samples, batchSize: batch, batchesPerShard: perShard,
            observedTensors: tensors, collectsHistograms: true)
    }

    @Test func shardsCoverEverySampleExactlyOnceInOrder() throws {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<500 {
            let plan = try CalibrationPlan(
                Self.job(
                    samples: Int.random(in: 1...400, using: &generator),
                    batch: Int.random(in: 1...40, using: &generator),
                    perShard: Int.random(in: 1...9, using: &generator)))
            var nextSample = 0
            var nextBatch = 0
            for index in 0..<plan.shardCount {
                let shard = plan.shard(index)
                #expect(shard.samples.lowerBound == nextSample && !shard.samples.isEmpty)
                #expect(shard.batches.lowerBound == nextBatch)
                for batch in shard.batches { #expect(!plan.samples(ofBatch: batch).isEmpty) }
                nextSample = shard.samples.upperBound
                nextBatch = shard.batches.upperBound
            }
            #expect(nextSample == plan.specification.sampleCount && nextBatch == plan.batchCount)
        }
    }

    @Test func digestDependsOnTheJobOnly() throws {
        let first = try CalibrationPlan(Self.job(samples: 10, batch: 2, perShard: 2, tensors: ["b", "a"]))
        let second = try CalibrationPlan(Self.job(samples: 10, batch: 2, perShard: 2, tensors: ["a", "b"]))
        let third = try CalibrationPlan(Self.job(samples: 10, batch: 2, perShard: 3))
        #expect(first.digest == second.digest)
        #expect(first.digest != third.digest)
        // Golden: a change of the canonical form must be deliberate.
        #expect(first.digest.hexadecimal == "42c8095d7184d8ced661a5896767b91626e5ae568c4e26abf549678b035049ff")
    }
}
