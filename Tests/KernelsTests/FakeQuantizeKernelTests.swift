import Graphs
import Kernels
import Quantization
import Tensors
import TestSupport
import Testing

/// The loops of fake quantizers against `FakeQuantizer`, to the bit, and the kernels of `fakeQuantize` and `observe` nodes.
@Suite struct FakeQuantizeKernelTests {
    /// Numbers of all magnitudes, ties, ends of the range, and what is no number.
    private static func numbers(_ count: Int, scale: Float, _ generator: inout SeededGenerator) -> [Float] {
        (0..<count).map { index in
            switch generator.next() % 12 {
            case 0: [Float.nan, .infinity, -.infinity, 0, -0.0, .greatestFiniteMagnitude][index % 6]
            case 1: Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
            case 2, 3: (Float(Int(generator.next() % 600)) - 300 + 0.5) * scale
            case 4: Float(0.5).nextDown * scale
            default: generator.normal() * 60 * scale
            }
        }
    }

    /// Sums as documented: eight lanes of a run, then the lanes, then the runs.
    private static func sum(_ terms: [Double]) -> Double {
        var lanes = [Double](repeating: 0, count: 8)
        for (index, term) in terms.enumerated() { lanes[index % 8] += term }
        return lanes.reduce(0, +)
    }

    private static func check(
        _ specification: FakeQuantSpecification, axis: Int?, variant: StatisticsVariant, seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed)
        let shape: Shape = [3, Int(1 + generator.next() % 5), Int(1 + generator.next() % 40)]
        let layout = try #require(ChannelLayout(shape: shape, axis: axis))
        let isTQT = specification.algorithm == .tqt
        let quantizers = (0..<layout.channelCount).map { _ in
            FakeQuantizer(
                specification, parameter: isTQT ? generator.normal() * 3 : abs(generator.normal()) + 1e-3,
                zeroPoint: specification.dtype.isUnsigned ? Float(generator.next() % 4) : 0)
        }
        let kernel = FakeQuantizeKernel(quantizers, layout: layout, variant: variant)
        let values = numbers(shape.elementCount, scale: quantizers[0].scale, &generator)
        let upstream = values.map { _ in generator.normal() }
        let x = Tensor(shape: shape, elements: values)
        var (y, dx) = (Tensor(zeros: shape, elementType: .float32), Tensor(zeros: shape, elementType: .float32))
        let note = "seed \(seed), \(specification), axis \(axis ?? -1), \(variant)"
        let gradient = x.withElements(as: Float.self) { (elements: Span<Float>) in
            y.withMutableElements(as: Float.self) { kernel.forward(elements, into: &$0) }
            return Tensor(shape: shape, elements: upstream).withElements(as: Float.self) { (above: Span<Float>) in
                dx.withMutableElements(as: Float.self) { kernel.backward(elements, upstream: above, into: &$0) }
            }
        }
        var sums = [Double](repeating: 0, count: layout.channelCount)
        let (results, inputs) = (y.floatElements, dx.floatElements)
        layout.forEachRun { channel, run in
            let quantizer = quantizers[channel]
            var terms: [Double] = []
            for index in run {
                let expected = quantizer(values[index])
                #expect(
                    results[index].bitPattern == expected.bitPattern || (expected.isNaN && results[index].isNaN),
                    "\(note): \(values[index]) gave \(results[index]), not \(expected)")
                let gradient = quantizer.gradient(of: values[index], upstream: upstream[index])
                #expect(inputs[index] == gradient.input, "\(note): \(values[index])")
                terms.append(gradient.parameterTerm)
            }
            sums[channel] += sum(terms)
        }
        for (channel, sum) in sums.enumerated() {
            let expected = sum * quantizers[channel].parameterFactor
            #expect(gradient[channel] == expected || (expected.isNaN && gradient[channel].isNaN), "\(note)")
        }
    }

    @Test(arguments: FakeQuantSpecification.Algorithm.allCases, 0..<6 as Range<UInt64>)
    func allInstructionsGiveTheBitsOfTheDefinition(
        algorithm: FakeQuantSpecification.Algorithm, seed: UInt64
    ) throws {
        for variant in StatisticsVariant.allCases where variant.isSupported {
            for dtype in QuantDtype.allCases {
                let specification = FakeQuantSpecification(algorithm, dtype: dtype)
                for axis in [nil, 0, 1, 2] {
                    try Self.check(specification, axis: axis, variant: variant, seed: seed)
                }
            }
        }
    }

    /// Every number beside a tie, up to where the numbers are integers.
    @Test func halvesAreRoundedAwayFromZeroEverywhere() throws {
        var values: [Float] = []
        for exponent in 0..<30 {
            for offset in [Float(-1.5), -0.5, 0.5, 1.5] {
                let value = Float(Int32(1) << exponent) + offset
                values += [value, value.nextUp, value.nextDown, -value, -value.nextUp, -value.nextDown]
            }
        }
        let specification = FakeQuantSpecification(dtype: .qint32)
        for variant in StatisticsVariant.allCases where variant.isSupported {
            let layout = try #require(ChannelLayout(shape: [values.count], axis: nil))
            let kernel = FakeQuantizeKernel(
                [FakeQuantizer(specification, parameter: 1)], layout: layout, variant: variant)
            var result = Tensor(zeros: [values.count], elementType: .float32)
            result.withMutableElements(as: Float.self) { kernel.forward(values.span, into: &$0) }
            let expected = values.map { min($0.rounded(.toNearestOrAwayFromZero), 2_147_483_520) }
            #expect(result.floatElements == expected, "\(variant)")
        }
    }

    /// Case 6 of semantics.md 5.2: one scale and zero point for each channel.
    @Test func aNodeRoundsEachChannelWithItsOwnScale() throws {
        var generator = SeededGenerator(seed: 32)
        let shape: Shape = [1, 32, 8, 8]
        let values = (0..<shape.elementCount).map { _ in generator.normal() * 200 }
        let scales = (0..<32).map { _ in abs(generator.normal()) + 0.5 }
        let zeroPoints = (0..<32).map { _ in Float(generator.next() % 9) }
        let attributes = FakeQuantizeAttributes(FakeQuantSpecification(dtype: .quint8))
        let parameterShape: Shape = [1, 32, 1, 1]
        let result = try evaluate(
            .fakeQuantize(attributes), floats(shape, values), floats(parameterShape, scales),
            floats([32, 1, 1], zeroPoints))
        for (index, actual) in result.floatElements.enumerated() {
            let channel = index / 64
            let integer = (values[index] / scales[channel]).rounded(.toNearestOrAwayFromZero) + zeroPoints[channel]
            #expect(actual == (min(max(integer, 0), 255) - zeroPoints[channel]) * scales[channel], "\(index)")
        }
        let nothing = try evaluate(
            .fakeQuantize(attributes), floats(shape, [Float](repeating: .nan, count: shape.elementCount)),
            floats([], [0.5]))
        #expect(nothing.floatElements.allSatisfy { $0.isNaN })
    }

    @Test func tensorsAndBiasesAreRoundedByTheirParameters() throws {
        let data = floats([3], [0.3, -70, 0.1])
        #expect(try data.fakeQuantized(QParams(.qint8, scale: 0.5)).floatElements == [0.5, -64, 0])
        #expect(try data.fakeQuantized(QParams(.quint8, scale: 0.5, zeroPoint: 2)).floatElements == [0.5, -1, 0])
        let (input, weight) = (QParams(.qint8, scale: 0.5), QParams(.qint8Narrow, scale: 0.5))
        #expect(try data.fakeQuantizedBias(input: input, weight: weight).floatElements == [0.25, -70, 0])
        #expect(try data.fakeQuantizedBias(input: nil, weight: weight) == data)
        #expect(try data.fakeQuantizedBias(input: QParams(.qint4, scale: 1), weight: weight) == data)
        #expect(throws: KernelError.self) { try data.fakeQuantized(QParams(.qint8, scale: 0)) }
        #expect(throws: KernelError.self) { try integers([1]).fakeQuantized(input) }
    }

    @Test func parametersThatDoNotFitAreRefused() throws {
        let node = Operator.fakeQuantize(FakeQuantizeAttributes(FakeQuantSpecification(dtype: .quint8)))
        let data = floats([2, 3], [1, 2, 3, 4, 5, 6])
        for shape in [[2], [4], [2, 3], [1, 1, 1, 3]] as [Shape] {
            #expect(throws: KernelError.self, "\(shape)") {
                try evaluate(node, data, floats(shape, [Float](repeating: 1, count: shape.elementCount)))
            }
        }
        for scale in [Float(0), -1, .nan, .infinity] {
            #expect(throws: KernelError.self, "\(scale)") { try evaluate(node, data, floats([], [scale])) }
        }
        #expect(throws: KernelError.self) { try evaluate(node, data, floats([1], [1]), floats([1], [0.5])) }
        #expect(throws: KernelError.self) {
            try evaluate(node, data, floats([2, 1], [1, 1]), floats([3], [1, 1, 1]))
        }
        #expect(throws: KernelError.self) { try evaluate(node, integers([1]), floats([1], [1])) }
    }

    @Test func anObserveNodeGivesTheParametersAfterItsBatchAndTheExtremes() throws {
        let data = floats([5], [.nan, -3, 0.5, .infinity, 6])
        for algorithm in [
            ObserverSpecification.Algorithm.minMax, .exponentialMovingAverage(momentum: 0.9),
            .histogram(bins: 32, upsampleRate: 4, form: .megengine),
            .histogram(bins: 32, upsampleRate: 4, form: .exact),
        ] {
            let specification = ObserverSpecification(algorithm, dtype: .quint8, mode: .asymmetric)
            var state = ObserverState(specification)
            state.observe([-1, 8].span)
            for isEnabled in [true, false] {
                let inputs = [data] + state.tensors
                let outputs = try ReferenceKernels.evaluate(
                    .observe(ObserveAttributes(specification, isEnabled: isEnabled)), inputs: inputs, outputCount: 4)
                var after = state
                after.isEnabled = isEnabled
                after.observe(data.floatElements.span)
                let parameters = try after.quantParameters()
                let zeroPoint = Float(try #require(parameters.zeroPoint))
                #expect(
                    outputs.map(\.floatElements)
                        == [[parameters.scale], [zeroPoint], [-3], [6]],
                    "\(algorithm) \(isEnabled)")
            }
        }
    }

    @Test func anObserveNodeRefusesAStateThatIsNone() throws {
        let node = Operator.observe(ObserveAttributes(ObserverSpecification(.passive)))
        let data = floats([2], [1, 2])
        #expect(throws: KernelError.self) {
            try ReferenceKernels.evaluate(node, inputs: [data, floats([1], [0]), floats([1], [0])], outputCount: 4)
        }
        let outputs = try ReferenceKernels.evaluate(
            node, inputs: [data, floats([1], [0.25]), floats([1], [0])], outputCount: 4)
        #expect(outputs.map(\.floatElements) == [[0.25], [0], [1], [2]])
        let minMax = Operator.observe(ObserveAttributes(ObserverSpecification(.minMax)))
        let empty = try ReferenceKernels.evaluate(
            minMax, inputs: [floats([1], [.nan])] + ObserverState(ObserverSpecification(.minMax)).tensors,
            outputCount: 4)
        let largest = Float.greatestFiniteMagnitude
        #expect(empty.map(\.floatElements) == [[1e-5], [0], [largest], [-largest]])
        #expect(throws: KernelError.self) { try ReferenceKernels.evaluate(minMax, inputs: [data], outputCount: 4) }
    }
}
