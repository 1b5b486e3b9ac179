import CKernels
import Execution
import Graphs
import Kernels
import Quantization
import Tensors
import TestSupport
import Testing

/// Modules of the quantized family on the fast executor: the integers of the reference kernels.
@Suite struct QuantizedModuleTests {
    private static let variants: [tare_integer_variant] = [
        TARE_INTEGER_PLAIN, TARE_INTEGER_AVX2, TARE_INTEGER_AVX512, TARE_INTEGER_AVX512_VNNI,
    ].filter { tare_integer_is_supported($0) != 0 }

    /// Half away from zero, as the reference kernels round.
    private static func integer(_ real: Double, _ q: tare_byte_quantizer) -> UInt8 {
        let quotient = real / q.divisor
        guard !quotient.isNaN else { return UInt8(truncatingIfNeeded: q.low) }
        let rounded = quotient.rounded(.toNearestOrAwayFromZero) + Double(q.zero_point)
        return UInt8(truncatingIfNeeded: Int(min(max(rounded, Double(q.low)), Double(q.high))))
    }

    @Test(arguments: 0..<300)
    func networksGiveTheBitsOfTheReference(seed: Int) throws {
        let (graph, input) = RandomQuantizedModules.make(seed: UInt64(seed))
        let expected = try ReferenceExecutor(graph).run(["x": input])
        let executor = try AcceleratedExecutor(graph)
        #expect(try executor.run(["x": input], tap: nil) == expected, "seed \(seed)")
    }

    @Test func onlyUnusualModulesRunOnReferenceKernels() throws {
        var unusual: Set<String> = []
        var usual: Set<String> = []
        for seed in 0..<60 {
            let (graph, input) = RandomQuantizedModules.make(seed: UInt64(seed))
            let timer = StepTimer()
            _ = try AcceleratedExecutor(graph).run(["x": input], tap: nil, timer: timer)
            for entry in timer.entries {
                if entry.implementation.hasPrefix("reference") {
                    unusual.insert(entry.implementation)
                } else {
                    usual.insert(entry.implementation)
                }
            }
        }
        #expect(unusual.subtracting(["reference Quantized.ConvTranspose2d"]).isEmpty, "\(unusual.sorted())")
        for name in [
            "requantize", "add bytes", "multiply bytes", "look up bytes", "quantize bytes", "dequantize bytes",
            "move bytes", "pad bytes", "average bytes", IntegerArithmetic.ownKernels,
        ] {
            #expect(usual.contains(name), "\(name) never ran")
        }
    }

    @Test(arguments: 0..<200)
    func sumsAreRequantizedAsInDouble(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...700, using: &generator)
        let period = Int.random(in: 1...count, using: &generator)
        // Ratios of powers of two have many ties; others have ties by chance.
        let exponent = Int.random(in: 1...20, using: &generator)
        let noise = seed % 2 == 0 ? 1 : Double.random(in: 0.5..<1, using: &generator)
        let scale = Double(Float(0.003 * noise))
        let divisor =
            seed % 2 == 0 ? scale * Double(1 << exponent) : Double(Float(scale * noise * Double(1 << exponent)))
        let reach = Int32(clamping: 400 << exponent)
        let sums = (0..<count).map { _ in Int32.random(in: -reach...reach, using: &generator) }
        let bias = (0..<period).map { _ in Int32.random(in: -100...100, using: &generator) }
        let isUnsigned = seed % 3 == 0
        let quantizer = tare_byte_quantizer(
            divisor: divisor, zero_point: isUnsigned ? Int32.random(in: 0...255, using: &generator) : 0,
            low: isUnsigned ? 0 : -128, high: isUnsigned ? 255 : 127)
        let expected = (0..<count).map {
            Self.integer(Double(sums[$0] + bias[$0 % period]) * scale, quantizer)
        }
        for variant in Self.variants {
            var results = [UInt8](repeating: 0, count: count)
            unsafe sums.withUnsafeBufferPointer { sums in
                unsafe bias.withUnsafeBufferPointer { bias in
                    unsafe results.withUnsafeMutableBytes { results in
                        var description = unsafe tare_requantization(
                            sums: sums.baseAddress, count: count, bias: bias.baseAddress, period: period, scale: scale,
                            quantizer: quantizer, results: results.baseAddress)
                        unsafe tare_requantize(variant, &description)
                    }
                }
            }
            #expect(results == expected, "seed \(seed), variant \(variant.rawValue)")
        }
    }

    @Test(arguments: [0.1, 0.25, 0.37, 1])
    func everySumAndProductOfTwoBytesIsRight(divisor: Double) {
        let pairs = (0..<1 << 16).map { ($0 >> 8, $0 & 255) }
        let first = pairs.map { UInt8($0.0) }
        let second = pairs.map { UInt8($0.1) }
        let (scales, points) = ((Float(0.1), Float(0.25)), (Int32(-28), Int32(7)))
        let quantizer = tare_byte_quantizer(divisor: Double(Float(divisor)), zero_point: 3, low: -128, high: 127)
        for multiplies in [false, true] {
            let expected = pairs.map { pair in
                let x = Float(Int32(Int8(truncatingIfNeeded: pair.0 ^ 128)) - points.0) * scales.0
                let y = Float(Int32(Int8(truncatingIfNeeded: pair.1)) - points.1) * scales.1
                return Self.integer(Double(multiplies ? x * y : x + y), quantizer)
            }
            for variant in Self.variants {
                var results = [UInt8](repeating: 0, count: pairs.count)
                unsafe first.withUnsafeBytes { first in
                    unsafe second.withUnsafeBytes { second in
                        unsafe results.withUnsafeMutableBytes { results in
                            var x = unsafe tare_byte_operand(
                                bytes: first.baseAddress, flip: 128, zero_point: points.0, scale: scales.0)
                            var y = unsafe tare_byte_operand(
                                bytes: second.baseAddress, flip: 0, zero_point: points.1, scale: scales.1)
                            var quantizer = quantizer
                            unsafe tare_combine_bytes(
                                variant, &x, &y, pairs.count, multiplies ? 1 : 0, &quantizer, results.baseAddress)
                        }
                    }
                }
                #expect(results == expected, "variant \(variant.rawValue), product \(multiplies)")
            }
        }
    }

    /// The library passes its sums through float32, so large ones must come from our own kernels.
    @Test func sumsBeyondTheBitsOfAFloatAreExact() throws {
        var generator = SeededGenerator(seed: 5)
        let channels = 1500
        let data = QuantizedSettings(inputs: [nil], weight: nil, output: .qint8)
        let layer = QuantizedSettings(inputs: [.qint8], weight: .qint8, output: .qint8)
        let one = Tensor(shape: [1], elements: [Float(1)])
        let weights = (0..<3 * channels).map { _ in Int8.random(in: 125...127, using: &generator) }
        let pixels = (0..<4 * channels).map { _ in Int.random(in: 126...127, using: &generator) }
        // Sums near 24 million whose last bits decide: the bias takes that of the first pixel away again.
        let bias = (0..<3).map { filter in
            -Float((0..<channels).reduce(0) { $0 + pixels[4 * $1] * Int(weights[filter * channels + $1]) })
        }
        let graph = Graph(
            name: "large", inputs: [.init(name: "x", type: TensorType(elementType: .float32, dimensions: nil))],
            outputs: [.init(name: "y", type: TensorType(elementType: .int8, dimensions: nil))],
            initializers: [
                "one": one, "b": Tensor(shape: [3], elements: bias),
                "w": Tensor(shape: [3, channels, 1, 1], elements: weights),
            ],
            nodes: [
                Node(
                    name: "q", op: .module(ModuleOperator(.quantStub, family: .quantized(data))),
                    inputs: ["x", "", "", "one"], outputs: ["i"]),
                Node(
                    name: "c",
                    op: .module(
                        ModuleOperator(
                            .convolution(ConvolutionAttributes(), paddingMode: .zeros, .none),
                            family: .quantized(layer))),
                    inputs: ["i", "one", "", "w", "one", "b", "one"], outputs: ["y"]),
            ])
        let input = Tensor(shape: [1, channels, 2, 2], elements: pixels.map { Float($0) })
        let expected = try ReferenceExecutor(graph).run(["x": input])
        #expect(try AcceleratedExecutor(graph).run(["x": input], tap: nil) == expected)
    }

    /// Fake quantizers and observers take elements as they lie, here in another order of axes.
    @Test(
        arguments: FakeQuantSpecification.Algorithm.allCases,
        [
            ObserverSpecification(.minMax), ObserverSpecification(.exponentialMovingAverage(momentum: 0.9)),
            ObserverSpecification(.histogram(bins: 64, upsampleRate: 16, form: .megengine)),
            ObserverSpecification(.histogram(bins: 64, upsampleRate: 16, form: .exact)),
        ])
    func fakeQuantizersAndObserversNeedNoCopies(
        algorithm: FakeQuantSpecification.Algorithm, observer: ObserverSpecification
    ) throws {
        var generator = SeededGenerator(seed: 9)
        let grid = FakeQuantSpecification(algorithm, dtype: .qint8)
        let state = observer.stateKeys.indices.map { "s\($0)" }
        let graph = Graph(
            name: "observed", inputs: [.init(name: "x", type: TensorType(elementType: .float32, dimensions: nil))],
            outputs: ["y", "scale", "point", "low", "high"].map {
                .init(name: $0, type: TensorType(elementType: .float32, dimensions: nil))
            },
            initializers: ["step": Tensor(shape: [1], elements: [Float(0.25)])].merging(
                zip(state, ObserverState(observer).tensors)
            ) { $1 },
            nodes: [
                Node(name: "t", op: .transpose(permutation: [0, 3, 1, 2]), inputs: ["x"], outputs: ["u"]),
                Node(
                    name: "f", op: .fakeQuantize(FakeQuantizeAttributes(grid)), inputs: ["u", "step"], outputs: ["v"]),
                Node(
                    name: "o", op: .observe(ObserveAttributes(observer)), inputs: ["v"] + state,
                    outputs: ["scale", "point", "low", "high"]),
                Node(name: "r", op: .transpose(permutation: [0, 2, 3, 1]), inputs: ["v"], outputs: ["y"]),
            ])
        let input = Tensor(shape: [2, 5, 6, 3], elements: (0..<180).map { _ in generator.normal() })
        let expected = try ReferenceExecutor(graph).run(["x": input])
        let timer = StepTimer()
        #expect(try AcceleratedExecutor(graph).run(["x": input], tap: nil, timer: timer) == expected)
        #expect(timer.entries.map(\.implementation) == ["fake quantize", "reference Observe"])
    }
}
