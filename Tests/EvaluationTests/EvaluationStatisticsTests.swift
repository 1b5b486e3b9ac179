import Calibration
import Evaluation
import Tensors
import TestSupport
import Testing

/// Statistics that merge to the bit and refuse what contradicts itself.
@Suite struct EvaluationStatisticsTests {
    private static func layer(_ count: Int, _ generator: inout SeededGenerator) throws -> LayerStatistics {
        var layer = LayerStatistics()
        for _ in 0..<count {
            let reference = (0..<37).map { _ in generator.normal() * 1e3 }
            let candidate = reference.map { value in generator.next() % 3 == 0 ? value : value + generator.normal() }
            let measure = ErrorMeasure(reference: reference.span, candidate: candidate.span)
            try layer.total.add(measure)
            try layer.own.add(ErrorMeasure(reference: candidate.span, candidate: reference.span))
            try layer.count(quantized: 37, saturated: Int(generator.next() % 38))
        }
        return layer
    }

    /// The statistics of some samples.
    static func statistics(
        _ samples: Range<Int>, seed: UInt64 = 1, plan: String = "plan", isClassifier: Bool = true,
        layers: [String] = ["a", "b.c", "samples"]
    ) throws -> EvaluationStatistics {
        var merged: [String: LayerStatistics] = [:]
        for sample in samples {
            for (index, name) in layers.enumerated() {
                var generator = SeededGenerator(seed: seed &* 1000 &+ UInt64(sample * 10 + index))
                let layer = try layer(1, &generator)
                merged[name] = try merged[name]?.merging(layer) ?? layer
            }
        }
        return try EvaluationStatistics(
            floatDigest: "f", quantizedDigest: "q", planDigest: plan, layers: merged,
            predictions: samples.map {
                SamplePrediction(
                    sample: UInt64($0), float: isClassifier ? Int32($0 % 7) : nil, quantized: isClassifier ? 3 : nil)
            })
    }

    @Test(arguments: 0..<10) func mergingIsAssociativeAndCommutativeToTheBit(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let whole = try Self.statistics(0..<12, seed: seed)
        var parts = try (0..<12).map { try Self.statistics($0..<$0 + 1, seed: seed) }.shuffled(using: &generator)
        while parts.count > 1 {
            let left = parts.remove(at: Int(generator.next() % UInt64(parts.count)))
            let right = parts.remove(at: Int(generator.next() % UInt64(parts.count)))
            #expect(try left.merging(right) == right.merging(left), "seed \(seed)")
            parts.append(try left.merging(right))
        }
        #expect(parts[0] == whole, "seed \(seed)")
        #expect(try parts[0].encoded() == whole.encoded(), "seed \(seed)")
    }

    @Test(arguments: [true, false]) func theEncodingIsReadBack(isClassifier: Bool) throws {
        let statistics = try Self.statistics(3..<9, isClassifier: isClassifier)
        let bytes = try statistics.encoded()
        let back = try EvaluationStatistics(decoding: bytes, name: "test")
        #expect(back == statistics && back.hasPredictions == isClassifier)
        #expect(try back.encoded() == bytes)
    }

    @Test func theEdgesOfSumsOfFloatsAreRead() throws {
        // The smallest square of a difference that a float has, and 2^60 times the largest.
        var layer = LayerStatistics()
        let (small, large) = (Float.leastNonzeroMagnitude, Float.greatestFiniteMagnitude)
        for _ in 0..<60 {
            try layer.total.add(ErrorMeasure(reference: [large].span, candidate: [-large].span))
            layer = try layer.merging(layer)
        }
        try layer.own.add(ErrorMeasure(reference: [small].span, candidate: [2 * small].span))
        let statistics = try EvaluationStatistics(
            floatDigest: "f", quantizedDigest: "q", planDigest: "p", layers: ["a": layer],
            predictions: [SamplePrediction(sample: 0, float: SamplePrediction.noClass, quantized: 2)])
        #expect(layer.own.error.lowest == -5)
        #expect(try EvaluationStatistics(decoding: statistics.encoded(), name: "test") == statistics)
    }

    @Test func whatDoesNotBelongTogetherIsNotMerged() throws {
        let first = try Self.statistics(0..<2)
        #expect(throws: EvaluationStatisticsError.duplicateSample(1)) { try first.merging(Self.statistics(1..<3)) }
        #expect(throws: EvaluationStatisticsError.plansDiffer("plan", "other")) {
            try first.merging(Self.statistics(2..<3, plan: "other"))
        }
        #expect(throws: EvaluationStatisticsError.layerInOneOnly("b.c")) {
            try first.merging(Self.statistics(2..<3, layers: ["a", "samples"]))
        }
        #expect(throws: EvaluationStatisticsError.predictionsInOneOnly) {
            try first.merging(Self.statistics(2..<3, isClassifier: false))
        }
        let other = try EvaluationStatistics(
            floatDigest: "f", quantizedDigest: "z", planDigest: "plan", layers: first.layers,
            predictions: [SamplePrediction(sample: 7, float: 1, quantized: 1)])
        #expect(throws: EvaluationStatisticsError.modelsDiffer) { try first.merging(other) }
    }

    @Test func contradictoryStatisticsAreNotMade() throws {
        func make(_ predictions: [SamplePrediction]) throws {
            _ = try EvaluationStatistics(
                floatDigest: "f", quantizedDigest: "q", planDigest: "p", layers: [:], predictions: predictions)
        }
        #expect(throws: EvaluationStatisticsError.noSamples) { try make([]) }
        #expect(throws: EvaluationStatisticsError.samplesNotSorted(2)) {
            try make([SamplePrediction(sample: 2), SamplePrediction(sample: 2)])
        }
        #expect(throws: EvaluationStatisticsError.predictionsIncomplete(3)) {
            try make([SamplePrediction(sample: 2), SamplePrediction(sample: 3, float: 1, quantized: 1)])
        }
        #expect(throws: EvaluationStatisticsError.predictionsIncomplete(2)) {
            try make([SamplePrediction(sample: 2, float: 1)])
        }
        #expect(throws: EvaluationStatisticsError.predictionsIncomplete(2)) {
            try make([SamplePrediction(sample: 2, float: -2, quantized: 0)])
        }
    }

    @Test func damagedBytesAreRefusedOrMeanAnotherValue() throws {
        let statistics = try Self.statistics(0..<3)
        let bytes = try statistics.encoded()
        for length in [0, 7, 8, 100, bytes.count - 1] {
            #expect(throws: EvaluationStatisticsError.self) {
                try EvaluationStatistics(decoding: Array(bytes[..<length]), name: "cut")
            }
        }
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<500 {
            var damaged = bytes
            let place = Int(generator.next() % UInt64(bytes.count))
            damaged[place] ^= UInt8(1 << (generator.next() % 8))
            guard let read = try? EvaluationStatistics(decoding: damaged, name: "damaged") else { continue }
            #expect(read != statistics, "byte \(place)")
        }
    }

    @Test func contradictionsInAFileAreNamed() throws {
        let statistics = try Self.statistics(0..<2)
        let file = try Safetensors(decoding: statistics.encoded(), name: "test")
        func expect(
            _ error: StatisticsFileError,
            _ change: (inout [String: Tensor], inout [String: String]) throws -> Void,
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            var (tensors, metadata) = (file.tensors, file.metadata)
            try change(&tensors, &metadata)
            let bytes = try Safetensors(tensors: tensors, metadata: metadata).encoded()
            #expect(throws: EvaluationStatisticsError.file(error), sourceLocation: sourceLocation) {
                try EvaluationStatistics(decoding: bytes, name: "changed")
            }
        }
        #expect(EvaluationStatistics.isEncoded(in: file) && !CalibrationStatistics.isEncoded(in: file))
        try expect(.unknownFormat(expected: "tare-evaluation 1", found: "tare-statistics 1")) {
            $1["format"] = "tare-statistics"
        }
        try expect(.unknownFormat(expected: "tare-evaluation 1", found: "tare-evaluation 2")) { $1["version"] = "2" }
        try expect(.missingMetadata("plan_digest")) { $1["plan_digest"] = nil }
        try expect(.missingEntry("samples")) { tensors, _ in tensors["samples"] = nil }
        try expect(.missingEntry("a.sums")) { tensors, _ in tensors["a.sums"] = nil }
        try expect(.unexpectedEntry("a.more", subject: "evaluation statistics")) { tensors, _ in
            tensors["a.more"] = tensors["a.counts"]
        }
        try expect(.malformedEntry("predictions")) { tensors, _ in
            tensors["predictions"] = Tensor(shape: [1, 2], elements: [Int32(0), 0])
        }
        try expect(.malformedEntry("a.counts")) { tensors, _ in
            // More elements clamped than quantized.
            tensors["a.counts"] = Tensor(shape: [6], elements: [UInt64(74), 0, 74, 0, 1, 2])
        }
        try expect(.malformedEntry("a.counts")) { tensors, _ in
            // Nothing compared, and yet sums.
            tensors["a.counts"] = Tensor(shape: [6], elements: [UInt64(0), 0, 74, 0, 2, 1])
        }
        try expect(.malformedEntry("a.counts")) { tensors, _ in
            tensors["a.maximum_error"] = Tensor(shape: [2], elements: [0.0, 1.0])
        }
        try expect(.malformedEntry("a.counts")) { tensors, _ in
            tensors["a.maximum_error"] = Tensor(shape: [2], elements: [Double.nan, 1.0])
        }
        try expect(.malformedEntry("a.counts")) { tensors, _ in
            // No layer without an error has minus zero as its largest one.
            tensors["a.maximum_error"] = Tensor(shape: [2], elements: [-0.0, -0.0])
            tensors["a.sums"] = Tensor(shape: [16], elements: [UInt64](repeating: 0, count: 16))
        }
        for (lowest, count) in [(-6, 1), (5, 2), (6, 1)] as [(Int64, Int)] {
            try expect(.malformedEntry("a.counts")) { tensors, _ in
                // Smaller or larger than any sum of products of floats.
                let sum = [UInt64(bitPattern: lowest), UInt64(count)] + [UInt64](repeating: 1, count: count)
                tensors["a.sums"] = Tensor(
                    shape: Shape([8 * sum.count]), elements: (0..<8).flatMap { _ in sum })
            }
        }
        try expect(.malformedEntry("a.sums")) { tensors, _ in
            let words = try #require(tensors["a.sums"]).elements(as: UInt64.self)
            tensors["a.sums"] = Tensor(shape: Shape([words.count + 1]), elements: words + [0])
        }
        try expect(.malformedEntry("a.sums")) { tensors, _ in
            var words = try #require(tensors["a.sums"]).elements(as: UInt64.self)
            words[1] = .max
            tensors["a.sums"] = Tensor(shape: Shape([words.count]), elements: words)
        }
    }
}
