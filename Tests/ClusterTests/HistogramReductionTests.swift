import Calibration
import CoordinatorService
import Quantization
import Testing

/// What the coordinator takes from workers in the second pass of a calibration.
@Suite struct HistogramReductionTests {
    private static func plan(excluding samples: [Int] = [3]) throws -> CalibrationPlan {
        let digest = ContentDigest(of: [1])
        let first = try JobSpecification(
            model: [.init(path: "m.onnx", digest: digest, byteCount: 5)], dataDigest: digest, sampleCount: 8,
            batchSize: 1, batchesPerShard: 4, observedTensors: ["a", "b"], collectsHistograms: true,
            options: try ComputationOptions().canonicalText())
        let rule = try #require(HistogramRule("torch:2:4"))
        return try CalibrationPlan(
            HistogramOptions(statistics: digest, rules: ["a": rule], excludedSamples: samples)
                .specification(after: first))
    }

    private static func counts(
        _ batches: [UInt64], plan: CalibrationPlan, model: String? = nil, bins: Int = 2, tensor: String = "a"
    ) throws -> [UInt8] {
        try HistogramCounts(
            modelDigest: model ?? plan.specification.modelDigest.hexadecimal, planDigest: plan.digest.hexadecimal,
            batchIndices: batches,
            tensors: [
                tensor: .init(binCount: bins, counts: [UInt32](repeating: 1, count: bins * batches.count))
            ]
        ).encoded()
    }

    @Test func shardsAreTakenWithoutTheSamplesThatAreLeftOut() throws {
        let plan = try Self.plan()
        let reduction = try ShardReduction.histograms(plan: plan)
        let first = try reduction.decode(Self.counts([0, 1, 2], plan: plan), plan.shard(0), [])
        let second = try reduction.decode(Self.counts([4, 6, 7], plan: plan), plan.shard(1), [5])
        let merged = try reduction.merge(first, second)
        #expect(merged.batchIndices == [0, 1, 2, 4, 6, 7])
        #expect(try reduction.decodeMerged(reduction.encode(merged)) == merged)
        // Nothing is left of a shard whose samples the first pass left out.
        let without = try Self.plan(excluding: [0, 1, 2, 3])
        let empty = try ShardReduction.histograms(plan: without)
            .decode(Self.counts([], plan: without), without.shard(0), [])
        #expect(empty.batchIndices.isEmpty)
    }

    @Test func whatIsNotTheShardsIsRefused() throws {
        let plan = try Self.plan()
        let other = try Self.plan(excluding: [4])
        let reduction = try ShardReduction.histograms(plan: plan)
        for (name, bytes) in [
            ("other batches", try Self.counts([0, 1, 2, 3], plan: plan)),
            ("too few batches", try Self.counts([0, 1], plan: plan)),
            ("another plan", try Self.counts([0, 1, 2], plan: other)),
            ("another model", try Self.counts([0, 1, 2], plan: plan, model: "x")),
            ("other bins", try Self.counts([0, 1, 2], plan: plan, bins: 3)),
            ("another tensor", try Self.counts([0, 1, 2], plan: plan, tensor: "b")), ("no counts", [1, 2, 3]),
        ] {
            #expect(throws: (any Error).self, "\(name)") { try reduction.decode(bytes, plan.shard(0), []) }
        }
        let calibration = try JobSpecification(
            model: plan.specification.model, dataDigest: plan.specification.dataDigest, sampleCount: 8, batchSize: 1,
            batchesPerShard: 4, observedTensors: ["a"], collectsHistograms: true)
        #expect(throws: JobSpecificationError.self) {
            try ShardReduction.histograms(plan: CalibrationPlan(calibration))
        }
    }
}
