import Calibration
import Quantization
import TestSupport
import Testing

/// The second pass of a calibration: counts of batches that come from anywhere, in any order.
@Suite struct HistogramCountsTests {
    private static let rules = [
        "act.1": HistogramRule("megengine:64:8"), "relu": HistogramRule("torch:32:4"),
    ].compactMapValues(\.self)

    /// A tensor in all batches, some of which have nothing finite.
    private static func batches(using generator: inout SeededGenerator) -> [[Float]] {
        (0..<6).map { index in
            let scale = Float(index % 3 + 1)
            return index == 4 ? [.nan] : (0..<50).map { _ in generator.normal() * scale }
        }
    }

    private static func statistics(_ tensors: [String: [[Float]]]) throws -> CalibrationStatistics {
        try CalibrationStatistics(
            modelDigest: "m", planDigest: "first",
            tensors: tensors.mapValues { batches in
                let ranges = batches.map { TensorRange(finiteElementsOf: $0.span) }
                return try TensorStatistics(
                    counts: ElementCounts(
                        total: UInt64(batches.joined().count),
                        zeros: UInt64(batches.joined().count { $0 == 0 }),
                        nans: UInt64(batches.joined().count(where: \.isNaN))),
                    range: ranges.reduce(nil, TensorRange.union), histogram: nil,
                    batches: ranges.enumerated().map { BatchRange(batchIndex: UInt64($0), range: $1) })
            })
    }

    /// What a shard of one batch gives.
    private static func shard(
        _ batch: Int, of tensors: [String: [[Float]]], _ statistics: CalibrationStatistics
    ) throws -> HistogramCounts {
        try HistogramCounts(
            modelDigest: "m", planDigest: "second", batchIndices: [UInt64(batch)],
            tensors: Dictionary(
                uniqueKeysWithValues: try rules.map { name, rule in
                    let counted = try #require(statistics.countedBatches(of: name, rule))[UInt64(batch)]
                    var counts = [UInt32](repeating: 0, count: rule.binCount)
                    if let counted, let elements = tensors[name]?[batch] {
                        counts = counted.bins.counts(of: elements.span).map(UInt32.init)
                    }
                    return (name, .init(binCount: rule.binCount, counts: counts))
                }))
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func anyMergeOrderGivesTheSameBytesAndTheHistogramOfOneProcess(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let tensors = ["act.1": Self.batches(using: &generator), "relu": Self.batches(using: &generator)]
        let statistics = try Self.statistics(tensors)
        var parts = try (0..<6).map { try Self.shard($0, of: tensors, statistics) }
        let inOrder = try parts.dropFirst().reduce(parts[0]) { try $0.merging($1) }
        while parts.count > 1 {
            let left = parts.remove(at: Int.random(in: 0..<parts.count, using: &generator))
            let right = parts.remove(at: Int.random(in: 0..<parts.count, using: &generator))
            // Through bytes, as on the wire.
            parts.append(try HistogramCounts(decoding: left.encoded(), name: "left").merging(right))
        }
        #expect(try parts[0].encoded() == inOrder.encoded(), "seed \(seed)")

        let whole = try statistics.adding(parts[0], Self.rules)
        for (name, rule) in Self.rules.sorted(by: { $0.key < $1.key }) {
            var sequential = RangedHistogram(rule.ranges)
            for batch in try #require(tensors[name]) {
                guard let range = TensorRange(finiteElementsOf: batch.span) else { continue }
                sequential.add(range, counts: sequential.bins(for: range).counts(of: batch.span))
            }
            #expect(whole.tensors[name]?.rangedHistogram == sequential, "seed \(seed), \(name)")
        }
        let bytes = try whole.encoded()
        #expect(try CalibrationStatistics(decoding: bytes, name: "whole") == whole, "seed \(seed)")
        #expect(try statistics.encoded() != bytes)
    }

    @Test func whatDoesNotBelongTogetherIsRefused() throws {
        var generator = SeededGenerator(seed: 7)
        let tensors = ["act.1": Self.batches(using: &generator), "relu": Self.batches(using: &generator)]
        let statistics = try Self.statistics(tensors)
        let (first, second) = (
            try Self.shard(0, of: tensors, statistics), try Self.shard(1, of: tensors, statistics)
        )
        func other(
            model: String = "m", plan: String = "second", batches: [UInt64] = [1],
            _ tensors: [String: HistogramCounts.Rows]? = nil
        ) throws -> HistogramCounts {
            try HistogramCounts(
                modelDigest: model, planDigest: plan, batchIndices: batches, tensors: tensors ?? second.tensors)
        }
        #expect(throws: HistogramCountsError.duplicateBatch(0)) { try first.merging(first) }
        #expect(throws: HistogramCountsError.modelsDiffer("m", "n")) { try first.merging(other(model: "n")) }
        #expect(throws: HistogramCountsError.plansDiffer("second", "x")) { try first.merging(other(plan: "x")) }
        #expect(throws: HistogramCountsError.tensorsDiffer("relu")) {
            try first.merging(other(second.tensors.filter { $0.key == "act.1" }))
        }
        #expect(throws: HistogramCountsError.malformed(tensor: "act.1")) { try other(batches: [1, 2]) }
        #expect(throws: HistogramCountsError.batchesNotSorted(1)) { try other(batches: [1, 1]) }
        #expect(throws: HistogramCountsError.noTensors) { try other([:]) }
        #expect(throws: HistogramCountsError.otherBatches) { try statistics.adding(first, Self.rules) }
        #expect(throws: HistogramCountsError.self) {
            try HistogramCounts(decoding: statistics.encoded(), name: "statistics")
        }
        let bytes = try first.encoded()
        #expect(throws: HistogramCountsError.self) {
            try HistogramCounts(decoding: Array(bytes.dropLast()), name: "cut")
        }
    }

    @Test func theSecondPassIsThatOfTheFirst() throws {
        let digest = ContentDigest(of: [1])
        let first = try JobSpecification(
            model: [.init(path: "m.onnx", digest: digest, byteCount: 5)], dataDigest: digest, sampleCount: 11,
            batchSize: 2, batchesPerShard: 2, observedTensors: ["relu", "act.1", "x"], collectsHistograms: true,
            options: try ComputationOptions(sampleLimit: 11).canonicalText(), requiredInstructionSet: "avx2")
        let options = HistogramOptions(statistics: digest, rules: Self.rules, excludedSamples: [2, 3, 5])
        let second = try options.specification(after: first)
        #expect(second.observedTensors == ["act.1", "relu"] && !second.collectsHistograms)
        #expect(second.sampleCount == 11 && second.batchSize == 2 && second.requiredInstructionSet == "avx2")
        let read = try JobSpecification(canonicalBytes: second.canonicalBytes())
        let kept = try ComputationOptions(text: read.options)
        #expect(kept.histograms == options && kept.sampleLimit == 11)
        #expect(throws: JobSpecificationError.self) { try options.specification(after: second) }

        let plan = try CalibrationPlan(second)
        func batches(_ shard: Int, without skipped: Set<Int> = []) -> [[Int]] {
            options.batches(of: plan.shard(shard), in: plan, without: skipped).map { [$0.batch] + $0.samples }
        }
        #expect(batches(0) == [[0, 0, 1]])
        #expect(batches(1) == [[2, 4], [3, 6, 7]])
        #expect(batches(2, without: [8, 9]) == [[5, 10]])
        #expect(throws: (any Error).self) { try ComputationOptions(text: #"{"excludedSamples":[],"histograms":{}}"#) }
    }
}
