import CKernels
import Evaluation
import Foundation
import TestSupport
import Testing

/// The C loops over elements, in every variant that this machine runs, against plain loops to the bit.
@Suite struct EvaluationKernelTests {
    private static let variants = [TARE_STATISTICS_PLAIN, TARE_STATISTICS_AVX2, TARE_STATISTICS_AVX512]
        .filter { tare_statistics_is_supported($0) != 0 }

    /// Numbers of many magnitudes, and now and then one that is not finite, minus zero or as large as a number can be.
    private static func elements(_ count: Int, _ generator: inout SeededGenerator) -> [Float] {
        let special: [Float] = [
            .nan, -.nan, .signalingNaN, .infinity, -.infinity, -0.0, 0, .greatestFiniteMagnitude,
            -.greatestFiniteMagnitude, .leastNonzeroMagnitude, 0.5, -0.5,
        ]
        return (0..<count).map { _ in
            if generator.next() % 10 == 0 { return special[Int(generator.next() % UInt64(special.count))] }
            return generator.normal() * Float(sign: .plus, exponent: Int(generator.next() % 40) - 20, significand: 1)
        }
    }

    /// The documented order, one lane after the other.
    private static func plainSums(_ reference: [Float], _ candidate: [Float]) -> tare_error_sums {
        var sums = tare_error_sums()
        var lanes = [[Double]](repeating: [0, 0, 0, 0], count: 8)
        for index in reference.indices {
            guard reference[index].isFinite, candidate[index].isFinite else {
                sums.omitted += 1
                continue
            }
            let (left, right) = (Double(reference[index]), Double(candidate[index]))
            let difference = right - left
            lanes[index % 8][0] += left * left
            lanes[index % 8][1] += difference * difference
            lanes[index % 8][2] += right * right
            lanes[index % 8][3] += left * right
            sums.maximum = max(sums.maximum, abs(difference))
        }
        func total(_ slot: Int) -> Double { lanes.dropFirst().reduce(lanes[0][slot]) { $0 + $1[slot] } }
        (sums.signal, sums.error, sums.power, sums.product) = (total(0), total(1), total(2), total(3))
        return sums
    }

    private static func bits(_ sums: tare_error_sums) -> [UInt64] {
        [sums.omitted] + [sums.signal, sums.error, sums.power, sums.product, sums.maximum].map(\.bitPattern)
    }

    @Test(arguments: 0..<60) func comparisonsHaveTheBitsOfPlainLoops(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let count = seed < 20 ? Int(seed) : Int(generator.next() % 3000)
        let reference = Self.elements(count, &generator)
        let candidate = reference.map { generator.next() % 4 == 0 ? generator.normal() : $0 }
        let expected = Self.plainSums(reference, candidate)
        for variant in Self.variants {
            var sums = tare_error_sums()
            unsafe tare_error_measure(variant, reference, candidate, count, &sums)
            #expect(Self.bits(sums) == Self.bits(expected), "seed \(seed), \(variant)")
        }
        let measure = ErrorMeasure(reference: reference.span, candidate: candidate.span)
        #expect(measure.compared == UInt64(count) - expected.omitted && measure.omitted == expected.omitted)
        #expect(measure.error == expected.error && measure.maximumError == expected.maximum, "seed \(seed)")
    }

    @Test(arguments: 0..<40) func clampedElementsAreCountedAsByComparison(seed: UInt64) {
        var generator = SeededGenerator(seed: 1000 + seed)
        let elements = Self.elements(Int(generator.next() % 1000), &generator)
        let (lower, upper) = seed % 5 == 0 ? (-Float.infinity, Float.infinity) : (-abs(generator.normal()), 0.5)
        let expected = UInt64(elements.count { $0 < lower || $0 > upper })
        for variant in Self.variants {
            #expect(
                unsafe tare_count_outside(variant, elements, elements.count, lower, upper) == expected,
                "seed \(seed), \(variant)")
        }
    }

    @Test(arguments: 0..<80) func roundingHasTheBitsOfQuantizingAndDequantizing(seed: UInt64) {
        var generator = SeededGenerator(seed: 2000 + seed)
        let channels = seed % 3 == 0 ? 1 : 1 + Int(generator.next() % 19)
        let run = seed % 2 == 0 ? 1 : 1 + Int(generator.next() % 40)
        let blocks = Int(generator.next() % 6) * channels
        let elements = Self.elements(run * blocks, &generator)
        let bounds: [(Float, Float)] = [(-128, 127), (0, 255), (-32_768, 32_767), (0, 65_535)]
        let range = bounds[Int(generator.next() % 4)]
        let scales = (0..<channels).map { _ in abs(generator.normal()) * 0.1 + .leastNormalMagnitude }
        let offsets = (0..<channels).map { _ in
            range.0 + Float(generator.next() % UInt64(range.1 - range.0 + 1))
        }
        let (minima, maxima) = (offsets.map { range.0 - $0 }, offsets.map { range.1 - $0 })
        let expected = elements.indices.map { index -> UInt32 in
            let channel = index / run % channels
            let quotient = (elements[index] / scales[channel]).rounded(.toNearestOrEven)
            let shifted = quotient + offsets[channel]
            let integer = Int(shifted >= range.1 ? range.1 : shifted >= range.0 ? shifted : range.0)
            return (Float(integer - Int(offsets[channel])) * scales[channel]).bitPattern
        }
        for variant in Self.variants {
            var results = [Float](repeating: 7, count: elements.count)
            unsafe tare_round_to_integers(
                variant, elements, elements.count, run, channels, scales, minima, maxima, &results)
            #expect(results.map(\.bitPattern) == expected, "seed \(seed), \(variant)")
            var inPlace = elements
            unsafe inPlace.withUnsafeMutableBufferPointer { buffer in
                unsafe tare_round_to_integers(
                    variant, buffer.baseAddress, buffer.count, run, channels, scales, minima, maxima,
                    buffer.baseAddress)
            }
            #expect(inPlace.map(\.bitPattern) == expected, "seed \(seed), \(variant), in place")
        }
    }
}
