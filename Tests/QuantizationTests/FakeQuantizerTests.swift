import Foundation
import Quantization
import Tensors
import TestSupport
import Testing

/// Fake quantizers, one number at a time, and their parameters.
@Suite struct FakeQuantizerTests {
    /// The gradients from above in the goldens: (k + 1) / n.
    private func upstream(_ count: Int) -> [Float] { (0..<count).map { Float(Double($0 + 1) / Double(count)) } }

    private func check(
        _ golden: MegEngineGoldens.FakeQuantization, _ quantizer: FakeQuantizer, factor: Double = 1,
        parameterTolerance: Float = 1e-6
    ) {
        var sum = 0.0
        for (index, value) in golden.x.enumerated() {
            #expect(isClose(quantizer(value), golden.y[index]), "\(value): \(quantizer(value)), \(golden.y[index])")
            let gradient = quantizer.gradient(of: value, upstream: upstream(golden.x.count)[index])
            #expect(isClose(gradient.input, golden.gx[index]), "\(value): \(gradient.input), \(golden.gx[index])")
            sum += gradient.parameterTerm
        }
        for expected in golden.gparams {
            let actual = Float(sum * quantizer.parameterFactor * factor)
            #expect(isClose(actual, expected, tolerance: parameterTolerance), "\(actual), \(expected)")
        }
    }

    @Test func fakeQuantizeGivesMegEnginesNumbers() throws {
        let goldens = try MegEngineGoldens.load().fakeQuant
        #expect(goldens.count == 3)
        for golden in goldens {
            let specification = FakeQuantSpecification(.fakeQuantize, dtype: try #require(golden.kind))
            check(
                golden,
                FakeQuantizer(specification, parameter: try #require(golden.scale), zeroPoint: golden.zeroPoint ?? 0))
        }
    }

    @Test func tqtGivesMegEnginesNumbers() throws {
        let goldens = try MegEngineGoldens.load().tqt
        #expect(goldens.count == 2)
        for golden in goldens {
            let specification = FakeQuantSpecification(.tqt, dtype: try #require(golden.kind))
            check(golden, FakeQuantizer(specification, parameter: golden.params[0]))
        }
    }

    @Test func lsqGivesMegEnginesNumbers() throws {
        let goldens = try MegEngineGoldens.load().lsq
        #expect(goldens.count == 2)
        for golden in goldens {
            let specification = FakeQuantSpecification(.lsq, dtype: try #require(golden.kind), epsilon: 0)
            check(
                golden,
                FakeQuantizer(specification, parameter: golden.params[0], zeroPoint: golden.zeroPoint ?? 0),
                factor: Double(golden.gradScale ?? 1))
        }
    }

    /// Case 6 of semantics.md 5.2, with the ranges of our kinds.
    @Test(arguments: QuantDtype.allCases) func fakeQuantizeIsTheFormulaAndPassesGradientsInside(dtype: QuantDtype) {
        var generator = SeededGenerator(seed: 6)
        let zeroPoint: Float = dtype.isUnsigned ? 1 : 0
        let quantizer = FakeQuantizer(FakeQuantSpecification(dtype: dtype), parameter: 4, zeroPoint: zeroPoint)
        for _ in 0..<1000 {
            let value = Float(generator.next() >> 40) * 0x1p-24 * 1024 - 512
            let integer = (Double(value) / 4).rounded(.toNearestOrAwayFromZero) + Double(zeroPoint)
            let clipped = min(max(integer, Double(dtype.minimum)), Double(dtype.maximum))
            #expect(Double(quantizer(value)) == (clipped - Double(zeroPoint)) * 4, "\(value)")
            let gradient = quantizer.gradient(of: value, upstream: 3)
            #expect(gradient.input == (integer == clipped ? 3 : 0), "\(value)")
            #expect(gradient.parameterTerm == 0)
        }
    }

    @Test func whatIsNoNumberStaysSoAndInfinitiesSaturate() {
        for algorithm in FakeQuantSpecification.Algorithm.allCases {
            let quantizer = FakeQuantizer(FakeQuantSpecification(algorithm, epsilon: 0), parameter: 1)
            let scale = quantizer.scale
            #expect(quantizer(.nan).isNaN)
            #expect(quantizer(.infinity) == 127 * scale && quantizer(-.infinity) == -128 * scale, "\(algorithm)")
        }
        // 2^31 - 1 is no Float: the largest one below is the end.
        let wide = FakeQuantizer(FakeQuantSpecification(dtype: .qint32), parameter: 1)
        #expect(wide(1e20) == 2_147_483_520 && wide(-1e20) == -2_147_483_648)
    }

    /// Case 7 of semantics.md 5.2.
    @Test(arguments: 0..<8 as Range<UInt64>) func tqtFollowsItsFormula(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let parameter = Float(generator.next() >> 40) * 0x1p-24 - 1
        let quantizer = FakeQuantizer(FakeQuantSpecification(.tqt, dtype: .qint8Narrow), parameter: parameter)
        let step = pow(2, Double(parameter))
        var (sum, expectedSum) = (0.0, 0.0)
        for value in -128..<128 {
            let quotient = Double(value) / step
            let rounded = quotient.rounded(.toNearestOrAwayFromZero)
            let clipped = min(max(rounded, -127), 127)
            let isOutside = quotient < -127.5 || quotient > 127.5
            #expect(abs(Double(quantizer(Float(value))) - clipped * step) < 1e-5 * 128, "seed \(seed) \(value)")
            let gradient = quantizer.gradient(of: Float(value), upstream: 1)
            #expect(gradient.input == (isOutside ? 0 : 1), "seed \(seed) \(value)")
            sum += gradient.parameterTerm
            expectedSum += isOutside ? clipped : rounded - quotient
        }
        let (actual, expected) = (sum * quantizer.parameterFactor, expectedSum * step * log(2.0))
        #expect(abs(actual - expected) <= 5e-5 * max(1, abs(expected)), "seed \(seed): \(actual) \(expected)")
    }

    /// Case 8 of semantics.md 5.2: range +-127, s = 0.02918224, z = 1, g = 2.
    @Test func lsqFollowsItsFormula() {
        var generator = SeededGenerator(seed: 8)
        let scale: Float = 0.029_182_24
        let specification = FakeQuantSpecification(.lsq, dtype: .qint8Narrow, epsilon: 0)
        let quantizer = FakeQuantizer(specification, parameter: scale, zeroPoint: 1)
        var (sum, expectedSum) = (0.0, 0.0)
        for index in 0..<24 {
            let value = generator.normal() * (index < 4 ? 5 : 1)
            let quotient = Double(value / scale + 1)
            let clipped = min(max(quotient, -127), 127).rounded(.toNearestOrAwayFromZero)
            #expect(abs(Double(quantizer(value)) - (clipped - 1) * Double(scale)) < 1e-6, "\(value)")
            let gradient = quantizer.gradient(of: value, upstream: 1)
            #expect(gradient.input == (abs(quotient) <= 127 ? 1 : 0), "\(value)")
            sum += gradient.parameterTerm
            expectedSum += quotient < -127 ? -127 : quotient > 127 ? 127 : clipped - quotient
        }
        #expect(abs(2 * sum * quantizer.parameterFactor - 2 * expectedSum) <= 5e-7 * max(1, abs(expectedSum)))
    }

    /// Case 9 of semantics.md 5.2: the sixteen values of MegEngine's C++ test.
    @Test func lsqGivesTheFixedValues() {
        let specification = FakeQuantSpecification(.lsq, dtype: .qint8Narrow, epsilon: 0)
        let quantizer = FakeQuantizer(specification, parameter: 2, zeroPoint: 1)
        let values: [Float] = [0, 1, 3, 4, 1, 2, 4, 5, 3, 4, 6, 7, 4, 5, 7, 8]
        #expect(values.map { quantizer($0) } == [0, 2, 4, 4, 2, 2, 4, 6, 4, 4, 6, 8, 4, 6, 8, 8])
    }

    @Test func lsqDifferentiatesTheMagnitudeOfTheStep() {
        let specification = FakeQuantSpecification(.lsq)
        let positive = FakeQuantizer(specification, parameter: 0.5)
        let negative = FakeQuantizer(specification, parameter: -0.5)
        #expect(positive.scale == 0.5 + 1e-5 && negative.scale == positive.scale)
        #expect(positive.parameterFactor == 1 && negative.parameterFactor == -1)
        #expect(FakeQuantizer(specification, parameter: 0).scale == 1e-5)
    }

    @Test func trainedScalesAreSetFromObservedOnes() throws {
        var tqt = FakeQuantState(FakeQuantSpecification(.tqt, dtype: .qint8))
        #expect(try #require(tqt.quantParameters) == QParams(.qint8, scale: 1))
        try tqt.setQuantParameters(QParams(.qint8, scale: 0.125))
        #expect(tqt.parameter == -3 && tqt.quantParameters == QParams(.qint8, scale: 0.125))
        #expect(throws: ObserverError.symmetricOnly) {
            try tqt.setQuantParameters(QParams(.quint8, scale: 1, zeroPoint: 3))
        }
        #expect(throws: ObserverError.scale(0)) { try tqt.setQuantParameters(QParams(.qint8, scale: 0)) }

        var lsq = FakeQuantState(FakeQuantSpecification(.lsq, dtype: .qint8))
        #expect(lsq.parameter == 1 && lsq.gradientScale == 1)
        try lsq.setQuantParameters(QParams(.qint8, scale: 0.5), gradientScale: 2)
        #expect(lsq.parameter == 0.5 - 1e-5 && lsq.gradientScale == 2)
        let parameters = try #require(lsq.quantParameters)
        #expect(isClose(parameters.scale, 0.5) && parameters.mode == .symmetric && parameters.zeroPoint == nil)
        // So trained models of signed integers convert, which upstream refuses.
        _ = try QuantizedTensorType(parameters)
        try lsq.setQuantParameters(QParams(.qint8, scale: 1e-6))
        #expect(lsq.parameter == 0 && lsq.gradientScale == 2)
        var unsigned = FakeQuantState(FakeQuantSpecification(.lsq, dtype: .quint8))
        try unsigned.setQuantParameters(QParams(.quint8, scale: 0.5, zeroPoint: 3))
        #expect(unsigned.zeroPoint == 3 && unsigned.quantParameters?.zeroPoint == 3)
        for state in [tqt, lsq, unsigned] {
            #expect(try FakeQuantState(state.specification, tensors: state.tensors) == state)
            #expect(state.tensors.count == state.specification.stateKeys.count)
        }
    }

    @Test func fakeQuantizeRefusesParametersOfOtherIntegers() throws {
        let state = FakeQuantState(FakeQuantSpecification(.fakeQuantize, dtype: .qint8Narrow))
        #expect(state.quantParameters == nil && state.tensors.isEmpty)
        #expect(throws: ObserverError.dtype(.qint8, expected: .qint8Narrow)) {
            try state.effectiveParameters(observed: QParams(.qint8, scale: 1))
        }
        #expect(throws: ObserverError.nothingSet) { try state.effectiveParameters(observed: nil) }
        let observed = QParams(.qint8Narrow, scale: 0.5)
        #expect(try state.effectiveParameters(observed: observed) == observed)
        #expect(try state.quantizer(observed: observed)(0.7) == 0.5)
        let tqt = FakeQuantState(FakeQuantSpecification(.tqt, dtype: .qint8))
        #expect(try tqt.effectiveParameters(observed: observed) == QParams(.qint8, scale: 1))
    }

    @Test func aBiasIsRoundedToTheProductsOfSymmetricInputsAndWeights() {
        let input = QParams(.qint8, scale: 0.5)
        let weight = QParams(.qint8Narrow, scale: 0.25)
        #expect(QParams.bias(input: input, weight: weight) == QParams(.qint32, scale: 0.125))
        #expect(QParams.bias(input: QParams(.quint8, scale: 1, zeroPoint: 3), weight: weight) == nil)
        #expect(QParams.bias(input: input, weight: QParams(.qint4, scale: 1)) == nil)
    }
}
