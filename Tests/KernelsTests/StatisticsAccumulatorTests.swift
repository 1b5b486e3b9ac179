import Kernels
import Quantization
import TestSupport
import Testing

/// The definition of the statistics, computed one element at a time in `Double`, sharing no code with the product.
private struct NaiveStatistics {
    var total: UInt64 = 0
    var zeros: UInt64 = 0
    var nans: UInt64 = 0
    var positiveInfinities: UInt64 = 0
    var negativeInfinities: UInt64 = 0
    var finite: [Double] = []

    init(_ values: [Float]) {
        for value in values {
            total += 1
            if value.isNaN {
                nans += 1
            } else if value == .infinity {
                positiveInfinities += 1
            } else if value == -.infinity {
                negativeInfinities += 1
            } else {
                finite.append(Double(value))
            }
            if value == 0 { zeros += 1 }
        }
    }

    /// Exponent and counts by bin index: the smallest exponent is searched from the bottom.
    func histogram() -> (exponent: Int, counts: [Int: UInt64]) {
        guard let minimum = finite.min(), let maximum = finite.max() else { return (-149, [:]) }
        var exponent = -149
        var scale = 0x1p149
        while true {
            let first = (minimum * scale).rounded(.down)
            let last = (maximum * scale).rounded(.down)
            if last - first < 4096, first >= -0x1p23, last < 0x1p23 { break }
            exponent += 1
            scale /= 2
        }
        var counts: [Int: UInt64] = [:]
        for value in finite { counts[Int((value * scale).rounded(.down)), default: 0] += 1 }
        return (exponent, counts)
    }
}

/// Random values of many kinds: normal, rectified, constant, far from zero, subnormal, huge, any bits.
func randomValues(_ generator: inout SeededGenerator, count: Int, allowsSpecial: Bool) -> [Float] {
    let kind = Int.random(in: 0..<9, using: &generator)
    let scale = Float(sign: .plus, exponent: Int.random(in: -149...120, using: &generator), significand: 1)
    var values = (0..<count).map { _ -> Float in
        switch kind {
        case 0: return generator.normal()
        case 1: return max(0, generator.normal()) * scale
        case 2: return scale
        case 3: return 1000 + generator.normal() * 0.01
        case 4: return Float(bitPattern: UInt32.random(in: 0..<0x0080_0000, using: &generator)) * generator.normal()
        case 5: return Float.greatestFiniteMagnitude * Float.random(in: -1...1, using: &generator)
        case 6:
            let value = Float(bitPattern: UInt32.random(in: .min ... .max, using: &generator))
            return value.isFinite ? value : 0
        case 7: return -1e-30 * abs(generator.normal()) + (Bool.random(using: &generator) ? 0 : -3 * scale)
        default: return Float(Int.random(in: -2...2, using: &generator)) * scale
        }
    }.map { $0.isFinite ? $0 : 1 }
    if Int.random(in: 0..<3, using: &generator) == 0 {
        for index in values.indices where Bool.random(using: &generator) {
            values[index] = Bool.random(using: &generator) ? 0 : -0.0
        }
    }
    if allowsSpecial, Int.random(in: 0..<3, using: &generator) == 0 {
        for index in values.indices where Int.random(in: 0..<50, using: &generator) == 0 {
            values[index] = [.nan, .infinity, -.infinity, -.nan][Int.random(in: 0..<4, using: &generator)]
        }
    }
    return values
}

@Suite struct StatisticsAccumulatorTests {
    private func accumulate(
        _ batches: [[Float]], first: UInt64 = 0, variant: StatisticsVariant, collectsHistogram: Bool = true,
        offset: Int = 0, pieces: inout SeededGenerator
    ) throws -> TensorStatistics {
        let accumulator = StatisticsAccumulator(collectsHistogram: collectsHistogram, variant: variant)
        for (index, batch) in batches.enumerated() {
            accumulator.beginBatch(first + UInt64(index))
            // The padding moves the elements away from any alignment.
            let padded = [Float](repeating: 7, count: offset) + batch
            var start = offset
            while start < padded.count {
                let end = min(padded.count, start + Int.random(in: 1...3000, using: &pieces))
                accumulator.observe(padded.span.extracting(start..<end))
                start = end
            }
            accumulator.endBatch()
        }
        return try accumulator.finish()
    }

    @Test(arguments: StatisticsVariant.allCases)
    func everyVariantEqualsTheDefinition(variant: StatisticsVariant) throws {
        guard variant.isSupported else { return }
        for seed in 0..<600 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let batches = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                let count = Int.random(in: 0...(seed % 10 == 0 ? 9000 : 600), using: &generator)
                return randomValues(&generator, count: count, allowsSpecial: true)
            }
            let statistics = try accumulate(
                batches, variant: variant, offset: Int.random(in: 0...15, using: &generator), pieces: &generator)
            let naive = NaiveStatistics(batches.flatMap { $0 })
            let counts = ElementCounts(
                total: naive.total, zeros: naive.zeros, nans: naive.nans,
                positiveInfinities: naive.positiveInfinities, negativeInfinities: naive.negativeInfinities)
            #expect(statistics.counts == counts, "seed \(seed)")
            #expect(statistics.range.map { Double($0.minimum) } == naive.finite.min(), "seed \(seed)")
            #expect(statistics.range.map { Double($0.maximum) } == naive.finite.max(), "seed \(seed)")
            #expect(statistics.range?.minimum.sign != .minus || statistics.range?.minimum != 0, "seed \(seed)")
            let histogram = try #require(statistics.histogram)
            let (exponent, expected) = naive.histogram()
            #expect(histogram.exponent == exponent, "seed \(seed)")
            let found = histogram.counts.enumerated().filter { $0.element > 0 }
            #expect(found.count == expected.count, "seed \(seed)")
            #expect(
                found.allSatisfy { expected[histogram.firstBin + $0.offset] == $0.element }, "seed \(seed)")
        }
    }

    @Test func manyElementsOfOneValueOverflowNoPartialCount() throws {
        for variant in StatisticsVariant.allCases where variant.isSupported {
            let accumulator = StatisticsAccumulator(collectsHistogram: true, variant: variant)
            let ones = [Float](repeating: 1, count: 300_001)
            accumulator.beginBatch(3)
            for _ in 0..<5 { accumulator.observe(ones.span) }
            accumulator.endBatch()
            let statistics = try accumulator.finish()
            #expect(statistics.histogram?.total == 1_500_005)
            #expect(statistics.counts.total == 1_500_005)
            #expect(statistics.batches == [BatchRange(batchIndex: 3, range: TensorRange(minimum: 1, maximum: 1))])
        }
    }

    @Test func aRangeThatGrowsStepByStepCountsEveryElementOnce() throws {
        for variant in StatisticsVariant.allCases where variant.isSupported {
            let values = (0..<20_000).map { Float($0 % 3 == 0 ? -$0 : $0) * 0.37 }
            var one = SeededGenerator(seed: 1)
            let grown = try accumulate([values], variant: variant, pieces: &one)
            let accumulator = StatisticsAccumulator(collectsHistogram: true, variant: variant)
            accumulator.beginBatch(0)
            accumulator.observe(values.span)
            accumulator.endBatch()
            #expect(try accumulator.finish() == grown)
        }
    }

    @Test func anySplitOfTheBatchesMergesToTheSameStatistics() throws {
        for seed in 0..<500 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed &+ 77_000)
            let batches = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                let count = Int.random(in: 0...200, using: &generator)
                return randomValues(&generator, count: count, allowsSpecial: true)
            }
            let histogram = Bool.random(using: &generator)
            let variants = StatisticsVariant.allCases.filter(\.isSupported)
            let whole = try accumulate(
                batches, variant: .fastest, collectsHistogram: histogram, pieces: &generator)
            var parts = try batches.enumerated().map { index, batch in
                try accumulate(
                    [batch], first: UInt64(index), variant: variants[index % variants.count],
                    collectsHistogram: histogram, pieces: &generator)
            }
            parts.append(TensorStatistics(collectsHistogram: histogram))
            // Merging two random parts at a time makes a random tree.
            while parts.count > 1 {
                let left = parts.remove(at: Int.random(in: 0..<parts.count, using: &generator))
                let right = parts.remove(at: Int.random(in: 0..<parts.count, using: &generator))
                parts.append(try left.merging(right))
            }
            #expect(parts[0] == whole, "seed \(seed)")
        }
    }

    @Test func aBatchCountedTwiceIsRefused() throws {
        var pieces = SeededGenerator(seed: 1)
        let first = try accumulate([[1, 2], [3]], variant: .plain, pieces: &pieces)
        let second = try accumulate([[9]], first: 1, variant: .plain, pieces: &pieces)
        #expect(throws: TensorStatisticsError.duplicateBatch(1)) { try first.merging(second) }
        let bare = try accumulate([[9]], first: 5, variant: .plain, collectsHistogram: false, pieces: &pieces)
        #expect(throws: TensorStatisticsError.histogramInOneOnly) { try first.merging(bare) }
        let accumulator = StatisticsAccumulator(collectsHistogram: false)
        for _ in 0..<2 {
            accumulator.beginBatch(4)
            accumulator.endBatch()
        }
        #expect(throws: TensorStatisticsError.batchesNotSorted(4)) { try accumulator.finish() }
    }
}
