import Calibration
import Quantization
import Tensors
import TestSupport
import Testing

@Suite struct CalibrationStatisticsTests {
    /// Statistics of one batch, built by the definition: values in whole bins of an exponent.
    private func statistics(
        batch: UInt64, collectsHistogram: Bool, using generator: inout SeededGenerator
    ) throws -> TensorStatistics {
        let scale = Float(sign: .plus, exponent: Int.random(in: -20...20, using: &generator), significand: 1)
        let values = (0..<Int.random(in: 0...20, using: &generator)).map { _ in
            Float(Int.random(in: -4...9, using: &generator)) * scale
        }
        let nans = UInt64.random(in: 0...2, using: &generator)
        let zeros = UInt64(values.filter { $0 == 0 }.count)
        let range = values.min().flatMap { low in values.max().map { TensorRange(minimum: low, maximum: $0) } }
        var histogram = DyadicHistogram()
        if let range {
            let exponent = DyadicLattice.exponent(covering: range)
            let first = DyadicLattice.bin(of: range.minimum, exponent: exponent)
            var counts = [UInt64](repeating: 0, count: DyadicLattice.maximumBinCount)
            for value in values { counts[DyadicLattice.bin(of: value, exponent: exponent) - first] += 1 }
            histogram = DyadicHistogram(exponent: exponent, firstBin: first, untrimmedCounts: counts)
        }
        return try TensorStatistics(
            counts: ElementCounts(total: UInt64(values.count) + nans, zeros: zeros, nans: nans), range: range,
            histogram: collectsHistogram ? histogram : nil, batches: [BatchRange(batchIndex: batch, range: range)])
    }

    private func shard(_ batch: UInt64, using generator: inout SeededGenerator) throws -> CalibrationStatistics {
        try CalibrationStatistics(
            modelDigest: "sha256:m", planDigest: "sha256:p",
            tensors: [
                "conv.1.range": statistics(batch: batch, collectsHistogram: true, using: &generator),
                "/relu_é": statistics(batch: batch, collectsHistogram: true, using: &generator),
                "x": statistics(batch: batch, collectsHistogram: false, using: &generator),
            ])
    }

    @Test func anyMergeOrderGivesTheSameBytesAndTheyReadBack() throws {
        for seed in 0..<300 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let shards = try (0..<Int.random(in: 1...7, using: &generator)).map {
                try shard(UInt64($0), using: &generator)
            }
            var inOrder = shards[0]
            for shard in shards.dropFirst() { inOrder = try inOrder.merging(shard) }
            var parts = shards
            while parts.count > 1 {
                let left = parts.remove(at: Int.random(in: 0..<parts.count, using: &generator))
                let right = parts.remove(at: Int.random(in: 0..<parts.count, using: &generator))
                // Through bytes, as on the wire.
                let decoded = try CalibrationStatistics(decoding: try left.encoded(), name: "left")
                parts.append(try decoded.merging(right))
            }
            let bytes = try parts[0].encoded()
            #expect(try inOrder.encoded() == bytes, "seed \(seed)")
            #expect(try CalibrationStatistics(decoding: bytes, name: "merged") == inOrder, "seed \(seed)")
            #expect(inOrder.batchIndices == (0..<UInt64(shards.count)).map { $0 }, "seed \(seed)")
        }
    }

    @Test func whatDoesNotBelongTogetherIsNotMerged() throws {
        var generator = SeededGenerator(seed: 3)
        let first = try shard(0, using: &generator)
        let tensors = try shard(1, using: &generator).tensors
        let otherModel = try CalibrationStatistics(modelDigest: "n", planDigest: "sha256:p", tensors: tensors)
        #expect(throws: CalibrationStatisticsError.modelsDiffer("sha256:m", "n")) { try first.merging(otherModel) }
        let otherPlan = try CalibrationStatistics(modelDigest: "sha256:m", planDigest: "q", tensors: tensors)
        #expect(throws: CalibrationStatisticsError.plansDiffer("sha256:p", "q")) { try first.merging(otherPlan) }
        let fewer = try CalibrationStatistics(
            modelDigest: "sha256:m", planDigest: "sha256:p", tensors: tensors.filter { $0.key != "x" })
        #expect(throws: CalibrationStatisticsError.tensorInOneOnly("x")) { try first.merging(fewer) }
        #expect(throws: CalibrationStatisticsError.tensor("/relu_é", .duplicateBatch(0))) { try first.merging(first) }
        let mixed = ["a": try #require(tensors["x"]), "b": try #require(first.tensors["x"])]
        #expect(throws: CalibrationStatisticsError.batchesDiffer(tensor: "b", other: "a")) {
            try CalibrationStatistics(modelDigest: "", planDigest: "", tensors: mixed)
        }
        #expect(throws: CalibrationStatisticsError.noTensors) {
            try CalibrationStatistics(modelDigest: "", planDigest: "", tensors: [:])
        }
    }

    @Test func filesThatContradictThemselvesAreRefused() throws {
        var entries: [String: Tensor] = [
            "x.counts": Tensor(shape: [5], elements: [3, 1, 0, 0, 0] as [UInt64]),
            "x.range": Tensor(shape: [2], elements: [0, 2] as [Float]),
            "x.batch_index": Tensor(shape: [1], elements: [4] as [UInt64]),
            "x.batch_range": Tensor(shape: [1, 2], elements: [0, 2] as [Float]),
            "x.histogram": Tensor(shape: [2049], elements: [1] + [UInt64](repeating: 0, count: 2047) + [2]),
            "x.histogram_origin": Tensor(shape: [2], elements: [-10, 0] as [Int64]),
        ]
        let metadata = ["format": "tare-statistics", "version": "1", "model_digest": "m", "plan_digest": "p"]
        func read(_ entries: [String: Tensor], _ metadata: [String: String]) throws -> CalibrationStatistics {
            let bytes = try Safetensors(tensors: entries, metadata: metadata).encoded()
            return try CalibrationStatistics(decoding: bytes, name: "test")
        }
        _ = try read(entries, metadata)

        let bad: [(String, Tensor?)] = [
            ("x.counts", Tensor(shape: [5], elements: [4, 1, 0, 0, 0] as [UInt64])),
            ("x.counts", Tensor(shape: [5], elements: [3, 1, 9, 0, 0] as [UInt64])),
            ("x.counts", Tensor(shape: [5], elements: [3, 1, .max, .max, .max] as [UInt64])),
            ("x.counts", Tensor(shape: [4], elements: [3, 1, 0, 0] as [UInt64])),
            ("x.counts", Tensor(shape: [5], elements: [3, 1, 0, 0, 0] as [Int64])),
            ("x.range", Tensor(shape: [2], elements: [0, .infinity] as [Float])),
            ("x.range", Tensor(shape: [2], elements: [2, 0] as [Float])),
            ("x.range", Tensor(shape: [2], elements: [.nan, .nan] as [Float])),
            ("x.range", Tensor(shape: [0], elements: [] as [Float])),
            ("x.range", Tensor(shape: [4], elements: [0, 2, 0, 2] as [Float])),
            ("x.range", Tensor(shape: [], elements: [0] as [Float])),
            ("x.batch_range", Tensor(shape: [1, 2], elements: [0, 3] as [Float])),
            ("x.batch_range", Tensor(shape: [1, 2], elements: [0, 1] as [Float])),
            ("x.batch_range", Tensor(shape: [0, 2], elements: [] as [Float])),
            ("x.batch_range", Tensor(shape: [2], elements: [0, 2] as [Float])),
            ("x.batch_index", Tensor(shape: [2], elements: [4, 4] as [UInt64])),
            ("x.histogram_origin", Tensor(shape: [2], elements: [-11, 0] as [Int64])),
            ("x.histogram_origin", Tensor(shape: [2], elements: [-10, .max] as [Int64])),
            ("x.histogram_origin", Tensor(shape: [2], elements: [.min, 0] as [Int64])),
            ("x.histogram", Tensor(shape: [0], elements: [] as [UInt64])),
            ("x.histogram", Tensor(shape: [2], elements: [.max, 4] as [UInt64])),
            ("x.histogram", Tensor(shape: [5000], elements: [UInt64](repeating: 1, count: 5000))),
            ("x.unknown", Tensor(shape: [0], elements: [] as [UInt64])), ("x.histogram_origin", nil),
            ("x.counts", nil), ("x.range", nil), ("x.batch_index", nil), ("x.batch_range", nil), ("x.histogram", nil),
        ]
        for (key, tensor) in bad {
            var changed = entries
            changed[key] = tensor
            #expect(throws: CalibrationStatisticsError.self, "\(key)") { try read(changed, metadata) }
        }
        for key in metadata.keys {
            #expect(throws: CalibrationStatisticsError.self) { try read(entries, metadata.filter { $0.key != key }) }
        }
        entries["x.histogram"] = nil
        entries["x.histogram_origin"] = nil
        #expect(try read(entries, metadata).tensors["x"]?.histogram == nil)
    }
}
