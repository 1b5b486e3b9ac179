import Foundation
import Quantization
import Tensors
import TestSupport
import Testing

/// Histograms of MegEngine's and PyTorch's forms from the statistics of a first pass and the counts of a second one.
@Suite struct TwoPassHistogramTests {
    private static let wave = (0..<4000).map { Float(sin(Double($0) * 0.37) * pow(cos(Double($0) * 0.011), 3)) }
    private static let outlier = wave.enumerated().map { $0 == 123 ? Float(20) : $1 }
    private static let batches: [String: [[Float]]] = [
        "A": [wave], "B": [outlier], "A,2A": [wave, wave.map { 2 * $0 }], "2A,A": [wave.map { 2 * $0 }, wave],
        "B,0.5A": [outlier, wave.map { 0.5 * $0 }], "A,2A bins64 up16": [wave, wave.map { 2 * $0 }],
        "[0,1,2,3]": [[0, 1, 2, 3]],
    ]

    /// What the first pass keeps of batches.
    private static func firstPass(_ batches: [[Float]]) throws -> TensorStatistics {
        var (counts, ranges) = (ElementCounts(), [TensorRange?]())
        for batch in batches {
            counts.total += UInt64(batch.count)
            counts.zeros += UInt64(batch.count { $0 == 0 })
            counts.nans += UInt64(batch.count(where: \.isNaN))
            counts.positiveInfinities += UInt64(batch.count { $0 == .infinity })
            ranges.append(TensorRange(finiteElementsOf: batch.span))
        }
        return try TensorStatistics(
            counts: counts, range: ranges.reduce(nil, TensorRange.union), histogram: nil,
            batches: ranges.enumerated().map { BatchRange(batchIndex: UInt64(2 * $0), range: $1) })
    }

    /// The second pass: every batch alone, the last one first, in pieces.
    private static func counts(
        _ batches: [[Float]], _ rule: HistogramRule, _ statistics: TensorStatistics
    ) -> [[UInt64]] {
        let steps = rule.ranges.steps(through: statistics.batches.map(\.range))
        var counts = [[UInt64]](repeating: [UInt64](repeating: 0, count: rule.binCount), count: batches.count)
        for index in batches.indices.reversed() {
            guard let step = steps[index] else { continue }
            var counter = HistogramCounter(step.bins)
            let half = batches[index].count / 2
            for piece in [Array(batches[index][half...]), Array(batches[index][..<half])] {
                counter.observe(piece.span)
            }
            #expect(counter.observed == statistics.batches[index].range)
            counts[index] = counter.counts
        }
        return counts
    }

    @Test func twoPassesGiveMegEnginesRange() throws {
        let goldens = try MegEngineGoldens.load().histogram.cases
        for (name, batches) in Self.batches.sorted(by: { $0.key < $1.key }) {
            let golden = try #require(goldens[name])
            let rule = try #require(
                HistogramRule(
                    form: .megengine, binCount: golden.kw.bins ?? 2048, upsampleRate: golden.kw.upsampleRate ?? 128))
            let statistics = try Self.firstPass(batches)
            let whole = try statistics.adding(rule, counts: Self.counts(batches, rule, statistics))
            let range = try CalibrationMethod.rangedHistogram(rule)
                .selectRange(whole, scheme: QuantizationScheme(type: .int8, isSymmetric: true)).range
            #expect(isClose(range.minimum, golden.newMin) && isClose(range.maximum, golden.newMax), "\(name): \(range)")
            let observed = try #require(whole.rangedHistogram?.ranges.range)
            #expect(isClose(observed.minimum, golden.min) && isClose(observed.maximum, golden.max), "\(name)")
        }
    }

    @Test(arguments: ["megengine:2048:128", "megengine:50:7", "torch:2048:16", "torch:64:5"], 0..<10 as Range<UInt64>)
    func twoPassesGiveTheObserverOfOneProcess(text: String, seed: UInt64) throws {
        let rule = try #require(HistogramRule(text))
        var generator = SeededGenerator(seed: seed)
        let batches: [[Float]] = (0..<7).map { index in
            if index == 3 { return [.nan, .infinity] }
            let scale = Float([1, 2, 0.25][Int(generator.next() % 3)])
            return (0..<Int(1 + generator.next() % 400)).map { _ in generator.normal() * scale }
        }
        var observer = ObserverState(
            ObserverSpecification(.histogram(bins: rule.binCount, upsampleRate: rule.upsampleRate, form: rule.form)))
        for batch in batches { observer.observe(batch) }
        let statistics = try Self.firstPass(batches)
        var counts = Self.counts(batches, rule, statistics)
        let whole = try statistics.adding(rule, counts: counts)
        let expected = try #require(observer.tensors.last).elements(as: Float.self)
        #expect(whole.rangedHistogram?.counts == expected, "seed \(seed)")
        #expect(whole.rangedHistogram?.rule == rule)
        #expect(
            RangedHistogram(rule, batches: statistics.batches.map(\.range), counts: expected) == whole.rangedHistogram)

        // Nothing can be added to what depends on the order of all batches.
        #expect(throws: TensorStatisticsError.rangedHistogramIsOfTheWhole) { try whole.merging(statistics) }
        for method in ["histogram:megengine:2047", "histogram:torch:63"] {
            #expect(throws: RangeSelectionError.self) {
                try CalibrationMethod(parsing: method)
                    .selectRange(
                        firstPassOf(batches.filter { $0.count > 2 }), scheme: .init(type: .int8, isSymmetric: true))
            }
        }
        counts[0][0] += 1_000_000
        #expect(throws: TensorStatisticsError.rangedHistogramDisagrees) { try statistics.adding(rule, counts: counts) }
        counts.removeLast()
        #expect(throws: TensorStatisticsError.rangedHistogramDisagrees) { try statistics.adding(rule, counts: counts) }
    }

    private func firstPassOf(_ batches: [[Float]]) throws -> TensorStatistics { try Self.firstPass(batches) }
}
