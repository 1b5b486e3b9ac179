import Quantization
import TestSupport
import Testing

@Suite struct DyadicHistogramTests {
    /// Counts values by the definition of the lattice, in `Double`, with the exponent searched from the bottom.
    private func histogram(of values: [Float]) -> DyadicHistogram {
        guard let minimum = values.min().map(Double.init), let maximum = values.max().map(Double.init) else {
            return DyadicHistogram()
        }
        var (exponent, factor) = (-149, 0x1p149)
        while (maximum * factor).rounded(.down) - (minimum * factor).rounded(.down) >= 4096
            || (minimum * factor).rounded(.down) < -0x1p23 || (maximum * factor).rounded(.down) >= 0x1p23
        {
            exponent += 1
            factor /= 2
        }
        let first = Int((minimum * factor).rounded(.down))
        var counts = [UInt64](repeating: 0, count: 4096)
        for value in values { counts[Int((Double(value) * factor).rounded(.down)) - first] += 1 }
        return DyadicHistogram(exponent: exponent, firstBin: first, untrimmedCounts: counts)
    }

    private func values(using generator: inout SeededGenerator) -> [Float] {
        let kind = Int.random(in: 0..<7, using: &generator)
        let scale = Float(sign: .plus, exponent: Int.random(in: -149...126, using: &generator), significand: 1)
        return (0..<Int.random(in: 0...40, using: &generator)).map { _ in
            switch kind {
            case 0: generator.normal() * scale
            case 1: scale
            case 2: Float(bitPattern: UInt32.random(in: 0..<0x0080_0000, using: &generator))
            case 3: Float.random(in: -1...1, using: &generator) * .greatestFiniteMagnitude
            case 4: 1e6 + generator.normal()
            case 5: Bool.random(using: &generator) ? 0 : -0.0
            default: -scale - Float(Int.random(in: 0...3, using: &generator)) * scale.ulp
            }
        }.map { $0.isFinite ? $0 : 0 }
    }

    @Test func anySplitOrderAndTreeOfMergesGivesTheHistogramOfTheWhole() {
        for seed in 0..<5000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let parts = (0..<Int.random(in: 1...6, using: &generator)).map { _ in values(using: &generator) }
            var histograms = parts.map { histogram(of: $0) }
            while histograms.count > 1 {
                let left = histograms.remove(at: Int.random(in: 0..<histograms.count, using: &generator))
                let right = histograms.remove(at: Int.random(in: 0..<histograms.count, using: &generator))
                histograms.append(left.merging(right))
            }
            #expect(histograms[0] == histogram(of: parts.flatMap { $0 }), "seed \(seed)")
        }
    }

    @Test func theExponentIsTheSmallestThatCovers() {
        for seed in 0..<3000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let values = values(using: &generator)
            guard let minimum = values.min(), let maximum = values.max() else { continue }
            let exponent = DyadicLattice.exponent(covering: TensorRange(minimum: minimum, maximum: maximum))
            #expect(exponent == histogram(of: values).exponent, "seed \(seed)")
            #expect(DyadicLattice.exponents.contains(exponent), "seed \(seed)")
        }
        #expect(DyadicLattice.exponent(covering: TensorRange(minimum: 0, maximum: 0)) == -149)
        let all = TensorRange(minimum: -.greatestFiniteMagnitude, maximum: .greatestFiniteMagnitude)
        #expect(DyadicLattice.exponents.contains(DyadicLattice.exponent(covering: all)))
    }

    @Test func coarseningKeepsEveryCountAndCountsAreFoundByBin() throws {
        let fine = histogram(of: [-3, -0.5, 0, 0.5, 0.75, 2, 2])
        let coarse = fine.coarsened(to: 0)
        #expect(coarse.firstBin == -3)
        #expect(coarse.counts == [1, 0, 1, 3, 0, 2])
        #expect(coarse.count(in: -1..<1) == 4)
        #expect(coarse.count(in: -100..<100) == coarse.total)
        #expect(coarse.count(in: 50..<60) == 0)
        #expect(coarse.lowerEdge(ofBin: coarse.firstBin) == -3)
        #expect(fine.coarsened(to: 300).counts == [2, 5])
    }

    @Test func invalidPartsAreRefused() {
        let bad: [(Int, Int, [UInt64], DyadicHistogramError)] = [
            (0, 0, [UInt64](repeating: 1, count: 4097), .tooManyBins(4097)), (-150, 0, [1], .exponentOutOfRange(-150)),
            (0, 0, [0, 1], .notTrimmed), (0, 0, [1, 0], .notTrimmed), (0, 0, [], .notTrimmed),
            (0, 1 << 23, [1], .binOutOfRange(1 << 23)), (0, .max, [1, 1], .binOutOfRange(.max)),
            (0, 0, [.max, 1], .countOverflow),
        ]
        for (exponent, first, counts, error) in bad {
            #expect(throws: error) {
                try DyadicHistogram(checkingExponent: exponent, firstBin: first, counts: counts)
            }
        }
    }
}
