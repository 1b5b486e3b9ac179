import Foundation
import Quantization
import TestSupport
import Testing

@Suite struct RangeSelectionTests {
    private let uint8 = QuantizationScheme(type: .uint8, isSymmetric: false)
    private let int8 = QuantizationScheme(type: .int8, isSymmetric: true)
    private let int16 = QuantizationScheme(type: .int16, isSymmetric: true)

    private func statistics(_ batches: [[Float]], collectsHistogram: Bool = true) throws -> TensorStatistics {
        let values = batches.flatMap { $0 }
        let records = batches.enumerated().map { BatchRange(batchIndex: UInt64($0), range: range(of: $1)) }
        var histogram = DyadicHistogram()
        if let range = range(of: values) {
            let exponent = DyadicLattice.exponent(covering: range)
            let first = DyadicLattice.bin(of: range.minimum, exponent: exponent)
            var counts = [UInt64](repeating: 0, count: DyadicLattice.maximumBinCount)
            for value in values { counts[DyadicLattice.bin(of: value, exponent: exponent) - first] += 1 }
            histogram = DyadicHistogram(exponent: exponent, firstBin: first, untrimmedCounts: counts)
        }
        let zeros = UInt64(values.filter { $0 == 0 }.count)
        return try TensorStatistics(
            counts: ElementCounts(total: UInt64(values.count), zeros: zeros), range: range(of: values),
            histogram: collectsHistogram ? histogram : nil, batches: records)
    }

    private func range(of values: [Float]) -> TensorRange? {
        guard let minimum = values.min(), let maximum = values.max() else { return nil }
        return TensorRange(minimum: minimum, maximum: maximum)
    }

    /// The squared error that a range really causes, element by element.
    private func error(_ values: [Float], _ range: TensorRange, _ scheme: QuantizationScheme) -> Double {
        let parameters = QuantizationParameters(range: range, scheme: scheme)
        let (scale, zero) = (Double(parameters.scales[0]), Double(parameters.zeroPoints[0]))
        return values.reduce(0) { sum, value in
            let integer = (Double(value) / scale).rounded(.toNearestOrEven) + zero
            let clipped = min(max(integer, Double(scheme.minimum)), Double(scheme.maximum))
            let error = (clipped - zero) * scale - Double(value)
            return sum + error * error
        }
    }

    /// The batches of section 2.7 of reference/peers.md: 8 batches whose spread grows.
    private var goldenBatches: [[Float]] {
        (0..<8 as Range<UInt64>).map { k in
            (0..<4096 as Range<UInt64>).map { i in
                let a = (i * 2_654_435_761 + 40503 * k + 12345) % (1 << 32)
                let b = (a * 1_664_525 + 1_013_904_223) % (1 << 32)
                return Float((Double(a) * 0x1p-32 + Double(b) * 0x1p-32 - 1) * (1 + Double(k) / 4))
            }
        }
    }

    @Test func movingAverageAndExtremesEqualThePublishedNumbers() throws {
        let statistics = try statistics(goldenBatches)
        let extremes = try CalibrationMethod.minmax.selectRange(statistics, scheme: uint8)
        #expect(extremes.range == TensorRange(minimum: -2.6821356, maximum: 2.7302148))
        let average = try CalibrationMethod.ema(momentum: 0.9).selectRange(statistics, scheme: uint8).range
        #expect(abs(average.minimum - -1.55278623) < 2e-7)
        #expect(abs(average.maximum - 1.55444384) < 2e-7)
    }

    @Test func movingAverageIgnoresHowBatchesWereMerged() throws {
        let batches = [[-1, 2], [-3, 1], [-2, 5]] as [[Float]]
        let range = try CalibrationMethod.ema(momentum: 0.9).selectRange(statistics(batches), scheme: int8).range
        #expect(abs(range.minimum - -1.28) < 1e-6 && abs(range.maximum - 2.21) < 1e-6)
    }

    @Test func percentilesCutBothTails() throws {
        let values = (0..<100_000).map { Float($0) / 1000 - 20 }
        let statistics = try statistics([values])
        let asymmetric = try CalibrationMethod.percentile(percentage: 99).selectRange(statistics, scheme: uint8).range
        #expect(abs(asymmetric.minimum - -19) < 0.02 && abs(asymmetric.maximum - 79) < 0.02)
        let symmetric = try CalibrationMethod.percentile(percentage: 99).selectRange(statistics, scheme: int8).range
        #expect(symmetric.minimum == -20 && abs(symmetric.maximum - 79) < 0.02)
        let whole = try CalibrationMethod.percentile(percentage: 100).selectRange(statistics, scheme: uint8).range
        #expect(whole == range(of: values))
    }

    @Test func everyMethodStaysWithinTheObservedRangeAndItsOwnMeasureNeverGetsWorse() throws {
        let methods = try CalibrationMethod.names.map { try CalibrationMethod(parsing: $0) }
        for seed in 0..<60 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let spread = Float(sign: .plus, exponent: Int.random(in: -60...60, using: &generator), significand: 1)
            let shift = Float([0, 0, -3, 3, 100, -100][Int.random(in: 0..<6, using: &generator)])
            let isRectified = Bool.random(using: &generator)
            let values = (0..<3000).map { _ -> Float in
                let tail = Int.random(in: 0..<500, using: &generator) == 0 ? Float(20) : 1
                let value = (generator.normal() * tail + shift) * spread
                return isRectified ? max(0, value) : value
            }
            guard let observed = range(of: values), observed.minimum < observed.maximum else { continue }
            let statistics = try statistics([values])
            for scheme in [uint8, int8, int16] {
                for method in methods {
                    let chosen = try method.selectRange(statistics, scheme: scheme).range
                    #expect(
                        chosen.minimum >= observed.minimum && chosen.maximum <= observed.maximum,
                        "seed \(seed) \(method)")
                    #expect(try method.selectRange(statistics, scheme: scheme).range == chosen, "seed \(seed)")
                }
                let best = try CalibrationMethod.mse.selectRange(statistics, scheme: scheme).range
                let ratio = error(values, best, scheme) / error(values, observed, scheme)
                #expect(ratio < 1.1, "seed \(seed) \(scheme.type): \(ratio)")
            }
        }
    }

    @Test func searchesFindTheBestOfAllSymmetricThresholds() throws {
        var generator = SeededGenerator(seed: 8)
        let values = (0..<20_000).map { index in generator.normal() * (index % 1000 == 0 ? 8 : 1) }
        let statistics = try statistics([values])
        let observed = try #require(statistics.range)
        let largest = max(-observed.minimum, observed.maximum)
        let errors = (1...400).map { step -> Double in
            let limit = largest * Float(step) / 400
            let range = TensorRange(minimum: max(-limit, observed.minimum), maximum: min(limit, observed.maximum))
            return error(values, range, int8)
        }
        let best = try #require(errors.min())
        let chosen = try CalibrationMethod.mse.selectRange(statistics, scheme: int8).range
        #expect(error(values, chosen, int8) < best * 1.01)
        // The weighted search clips less, but never wastes more than the extremes.
        let weighted = try CalibrationMethod.histogram.selectRange(statistics, scheme: int8).range
        #expect(weighted.maximum >= chosen.maximum)
        #expect(error(values, weighted, int8) < error(values, observed, int8))
    }

    @Test func oneOutlierAmongManyDoesNotDecideTheRange() throws {
        var generator = SeededGenerator(seed: 4)
        var values = (0..<100_000).map { _ in generator.normal() }
        values[77] = 1000
        values[78] = -1000
        let statistics = try statistics([values])
        for method in [CalibrationMethod.entropy, .percentile(percentage: 99.9)] {
            let range = try method.selectRange(statistics, scheme: uint8).range
            #expect(range.maximum < 1000 && range.minimum > -1000, "\(method)")
        }
    }

    @Test func whatCannotBeDecidedIsAnErrorOrAWarning() throws {
        let nothing = TensorStatistics(collectsHistogram: true)
        #expect(throws: RangeSelectionError.nothingObserved) {
            try CalibrationMethod.minmax.selectRange(nothing, scheme: uint8)
        }
        let bare = try statistics([[1, 2]], collectsHistogram: false)
        #expect(throws: RangeSelectionError.noHistogram(.entropy)) {
            try CalibrationMethod.entropy.selectRange(bare, scheme: uint8)
        }
        let broken = try TensorStatistics(
            counts: ElementCounts(total: 3, nans: 3), range: nil, histogram: nil,
            batches: [BatchRange(batchIndex: 0, range: nil)])
        #expect(throws: RangeSelectionError.notANumber(count: 3)) {
            try CalibrationMethod.minmax.selectRange(broken, scheme: uint8)
        }
        let infinite = try TensorStatistics(
            counts: ElementCounts(total: 3, positiveInfinities: 1, negativeInfinities: 2), range: nil, histogram: nil,
            batches: [])
        #expect(throws: RangeSelectionError.infinite(count: 3)) {
            try CalibrationMethod.minmax.selectRange(infinite, scheme: uint8)
        }
        for method in try CalibrationMethod.names.map({ try CalibrationMethod(parsing: $0) }) {
            for value in [0, 5, -3] as [Float] {
                let selected = try method.selectRange(statistics([[value, value]]), scheme: uint8)
                #expect(selected.range == TensorRange(minimum: value, maximum: value))
                #expect(selected.warnings == [.constant(value)])
            }
        }
    }
}
