import Foundation
import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

/// The cases of `goldens_catch.json`: one linear layer in four modes.
struct CatchGoldens: Decodable {
    struct Run: Decodable {
        var qx: [[Float]]
        var qw: [[Float]]
        var acc: [[Double]]?
        var y: [[Double]]
        var inputPosition: Int?
        var weightPosition: Int?
        var newPosition: Double?
    }
    struct Case: Decodable {
        var dtype: String
        var perChannel: Bool
        var stateDict: [String: [Float]]
        var exactRun: Run
        var cnnlRun: Run
    }
    var weight: [[Float]]
    var bias: [Float]
    var data: [[Float]]
    var cases: [Case]

    private enum CodingKeys: String, CodingKey {
        case weight = "W"
        case bias = "b"
        case data = "X"
        case cases
    }

    static func load() throws -> CatchGoldens {
        let url = Fixtures.directory.appending(path: "goldens/goldens_catch.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(CatchGoldens.self, from: Data(contentsOf: url))
    }
}

extension CatchGoldens.Case {
    /// The parameters as loading makes them: per-channel scales joined, the mode raised by 2.
    var scale: [Float] {
        (stateDict["fc.scale"] ?? []) + (stateDict["fc.scale_weight_per_channel"] ?? [])
    }
    var mode: Int32 { Int32(stateDict["fc.quantized_mode"]?.first ?? 0) + (perChannel ? 2 : 0) }
}

@Suite struct ReferenceMLUTests {
    @Test func computesTheGoldensOfBothBackends() throws {
        let goldens = try CatchGoldens.load()
        #expect(goldens.cases.count == 4)
        for golden in goldens.cases {
            let note: Comment = "\(golden.dtype) per channel: \(golden.perChannel)"
            let module = ModuleCase(
                data: floats([2, 3], goldens.data.flatMap { $0 }),
                weight: floats([2, 3], goldens.weight.flatMap { $0 }),
                bias: floats([2], goldens.bias), scale: golden.scale, mode: golden.mode)
            for (arithmetic, run) in [(MLUArithmetic.exact, golden.exactRun), (.positions, golden.cnnlRun)] {
                let parameters = try #require(
                    try MLUParameters(.linear, inputs: module.inputs, arithmetic: arithmetic))
                let scales = parameters.scales
                let qx = MLUQuantization.quantized(
                    module.data, scale: scales.input, elementType: scales.elementType)
                let qw = MLUQuantization.quantized(weight: module.weight, scales: scales)
                #expect(qx.wideElements == run.qx.flatMap { $0.map(Int64.init) }, note)
                #expect(qw.wideElements == run.qw.flatMap { $0.map(Int64.init) }, note)
                expectClose(
                    try module.result(arithmetic).floatElements, run.y.flatMap { $0 }, tolerance: 3e-7, "\(note)")
            }
            let positions = try #require(
                try MLUParameters(.linear, inputs: module.inputs, arithmetic: .positions)?.scales.positions)
            #expect(positions.input == golden.cnnlRun.inputPosition)
            if let weight = golden.cnnlRun.weightPosition { #expect(positions.common == weight) }
            if let common = golden.cnnlRun.newPosition { #expect(Double(positions.common) == common) }
        }
    }

    @Test func quantizesHalvesAwayFromZeroSaturatesAndGivesZeroForNaN() {
        func quantize(_ value: Float, _ type: ElementType = .int8) -> Int32 {
            MLUQuantization.quantized(value, scale: 2, elementType: type)
        }
        #expect(quantize(0.25) == 1 && quantize(-0.25) == -1 && quantize(1.25) == 3 && quantize(-1.25) == -3)
        #expect(quantize(Float(0.25).nextDown) == 0 && quantize(-0.0) == 0)
        #expect(quantize(63.75) == 127 && quantize(1000) == 127 && quantize(-64) == -128 && quantize(-1000) == -128)
        #expect(quantize(.infinity) == 127 && quantize(-.infinity) == -128 && quantize(.nan) == 0)
        #expect(quantize(1e6, .int16) == 32767 && quantize(-1e6, .int16) == -32768)
        #expect(quantize(.greatestFiniteMagnitude) == 127)
    }

    @Test(arguments: 0..<40) func matchesAPlainComputation(seed: UInt64) throws {
        let module = ModuleCase.random(seed: seed)
        let result = try module.result()
        let expected = module.expected(outputShape: result.shape)
        #expect(result.floatElements.map(\.bitPattern) == expected.map(\.bitPattern), "seed \(seed): \(module.op)")
    }

    @Test func int16SumsGoBeyondInt32() throws {
        let count = 4096
        let ones = [Float](repeating: 1, count: count)
        let module = ModuleCase(
            data: floats([2, count], ones + ones.map { -$0 }), weight: floats([1, count], ones), scale: [32767, 32767],
            mode: 2)
        #expect(try module.result().floatElements == [4096, -4096])
        let sum = Int64(count) * 32767 * 32767
        #expect(sum > Int64(Int32.max))
    }

    @Test func int8SumsOfTheLargestModuleFitInt32() throws {
        let count = MLUArithmetic.maximumInt8ProductCount
        let low = [Float](repeating: -200, count: count)
        var module = ModuleCase(
            data: floats([1, count], low), weight: floats([1, count], low), scale: [1, 1], mode: 1)
        #expect(try module.result().floatElements == [Float(count * 128 * 128)])
        #expect(count * 128 * 128 <= Int(Int32.max) && (count + 1) * 128 * 128 > Int(Int32.max))
        module.data = floats([1, count + 1], low + [0])
        module.weight = module.data
        #expect { try module.result() } throws: { "\($0)".contains("131072 products") && "\($0)".contains("int16") }
        module.mode = 2
        #expect(try module.result().floatElements == [Float(count * 200 * 200)])
    }

    @Test func refusesWrongParametersByName() {
        let good = ModuleCase(
            data: floats([1, 2], [1, 2]), weight: floats([2, 2], [1, 2, 3, 4]), scale: [1, 0, 2, 3], mode: 3)
        func refusal(_ change: (inout ModuleCase) -> Void) -> String {
            var module = good
            change(&module)
            do {
                _ = try module.result()
                return "nothing"
            } catch {
                return "\(error)"
            }
        }
        #expect(refusal { _ in } == "nothing")
        for mode in [Int32(0), 5, -1] {
            #expect(refusal { $0.mode = mode }.hasPrefix("quantized_mode is \(mode)"))
        }
        #expect(refusal { $0.scale = [1, 0, 2] }.hasPrefix("scale has 3 elements"))
        #expect(refusal { $0.mode = 1 }.hasPrefix("scale has 4 elements"))
        #expect(refusal { $0.scale[0] = 0 }.hasPrefix("the input scale is 0"))
        #expect(refusal { $0.scale[3] = -1 }.hasPrefix("the weight scale of output channel 1 is -1"))
        #expect(refusal { $0.scale[2] = .nan }.hasPrefix("the weight scale of output channel 0 is nan"))
        #expect(refusal { $0.scale[2] = .infinity }.contains("channel 0 is inf"))
        #expect(refusal { ($0.scale, $0.mode) = ([1, 0], 2) }.hasPrefix("the weight scale is 0"))
        #expect(refusal { ($0.scale, $0.mode) = ([1e-30, 1e-30], 1) }.hasPrefix("the reciprocal of both scales"))
        #expect(refusal { $0.bias = floats([1], [1]) }.hasPrefix("bias"))
        #expect(refusal { ($0.mean, $0.std) = ([1, 1], [1, 1]) }.contains("convolutions only"))
        var inputs = good.inputs
        inputs[MLUInput.useSymmetry.rawValue] = integers([0])
        #expect(throws: KernelError.self) { try ReferenceKernels.evaluate(good.op, inputs: inputs, outputCount: 1) }
        inputs = good.inputs
        inputs[MLUInput.quantizedMode.rawValue] = nil
        #expect(throws: KernelError.self) { try ReferenceKernels.evaluate(good.op, inputs: inputs, outputCount: 1) }
    }

    @Test func refusesWrongNormalizationByName() {
        var module = ModuleCase(
            attributes: ConvolutionAttributes(), data: floats([1, 2, 1, 1], [1, 2]),
            weight: floats([1, 2, 1, 1], [1, 2]), scale: [1, 1], mode: 1, mean: [1, 2], std: [1, 0])
        #expect { try module.result() } throws: { "\($0)".contains("input_std finite and above 0") }
        (module.mean, module.std) = ([1], [1])
        #expect { try module.result() } throws: { "\($0)".contains("each of the 2 input channels") }
    }

    @Test func positionsUseExactExponents() throws {
        // For these magnitudes logf(absmax) / log(2) lies just below the integer.
        for exponent in [-20, -3, -2, -1, 0, 1, 5] {
            let absmax = Float(sign: .plus, exponent: exponent, significand: 1)
            let positions = MLUPositions(
                input: 127 / absmax, weights: [32767 / absmax], isPerChannel: false, elementType: .int8)
            #expect(positions.input == exponent - 6)
            let wide = MLUPositions(
                input: 32767 / absmax, weights: [32767 / absmax], isPerChannel: false, elementType: .int16)
            #expect(wide.input == exponent - 14 && wide.common == exponent - 14)
        }
        let below = MLUPositions(
            input: 127 / Float(0.99), weights: [1], isPerChannel: false, elementType: .int8)
        #expect(below.input == -7)
    }

    @Test func aModuleWithoutScaleIsTheFloatLayer() throws {
        var generator = SeededGenerator(seed: 9)
        let data = noise([2, 3, 5, 5], &generator)
        let weight = noise([4, 3, 3, 3], &generator)
        let attributes = ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1]))
        #expect(
            try evaluate(.mlu(.convolution(attributes)), data, weight, nil)
                == evaluate(.convolution(attributes), data, weight, nil))
    }
}

extension Tensor {
    fileprivate var wideElements: [Int64] {
        elementType == .int8 ? elements(as: Int8.self).map(Int64.init) : elements(as: Int16.self).map(Int64.init)
    }
}
