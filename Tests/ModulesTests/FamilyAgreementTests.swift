import Conversion
import Graphs
import Modules
import Quantization
import Tensors
import TestSupport
import Testing

/// Each of the 17 modules in its three families, with random extents and parameters.
@Suite struct FamilyAgreementTests {
    /// Functions that give finite numbers everywhere.
    private static let functions: [ElemwiseMode] = [
        .relu, .abs, .sigmoid, .tanh, .hSwish, .add, .sub, .mul, .min, .max, .fuseAddRelu, .fuseAddTanh, .fuseMulAdd3,
        .condLtMov,
    ]

    private static func convolution(
        _ name: String, _ random: inout SeededGenerator
    ) -> (model: StubbedLayer, shape: [Int]) {
        let groups = random.integer(1...2)
        let (input, output) = (groups * random.integer(1...3), groups * random.integer(1...3))
        let (kernel, stride, dilation) = (random.integer(1...3), random.integer(1...2), random.integer(1...2))
        let (padding, bias) = (random.integer(0...kernel - 1), random.next() % 4 != 0)
        let mode = ModulePaddingMode.allCases[random.integer(0...2)]
        let extra = random.integer(0...stride - 1)
        let layer: UnaryLayer
        switch name {
        case "Conv2d":
            layer = Conv2d(
                input, output, kernel, stride: stride, padding: padding, dilation: dilation, groups: groups, bias: bias,
                paddingMode: mode)
        case "ConvRelu2d":
            layer = ConvRelu2d(
                input, output, kernel, stride: stride, padding: padding, dilation: dilation, groups: groups, bias: bias,
                paddingMode: mode)
        case "ConvBn2d":
            layer = ConvBn2d(
                input, output, kernel, stride: stride, padding: padding, dilation: dilation, groups: groups, bias: bias,
                paddingMode: mode)
        case "ConvBnRelu2d":
            layer = ConvBnRelu2d(
                input, output, kernel, stride: stride, padding: padding, dilation: dilation, groups: groups, bias: bias,
                paddingMode: mode)
        case "ConvTranspose2d":
            layer = ConvTranspose2d(
                input, output, kernel, stride: stride, padding: padding, outputPadding: extra, dilation: dilation,
                groups: groups, bias: bias)
        case "ConvTransposeRelu2d":
            layer = ConvTransposeRelu2d(
                input, output, kernel, stride: stride, padding: padding, outputPadding: extra, dilation: dilation,
                groups: groups, bias: bias)
        case "ConvTransposeBn2d":
            layer = ConvTransposeBn2d(
                input, output, kernel, stride: stride, padding: padding, outputPadding: extra, dilation: dilation,
                groups: groups, bias: bias)
        default:
            layer = ConvTransposeBnRelu2d(
                input, output, kernel, stride: stride, padding: padding, outputPadding: extra, dilation: dilation,
                groups: groups, bias: bias)
        }
        return (StubbedLayer(layer), [input, random.integer(6...9), random.integer(6...9)])
    }

    /// A model around one module of a name, and the extents of its input without the batch's.
    private static func model(
        _ name: String, _ random: inout SeededGenerator
    ) -> (model: StubbedLayer, shape: [Int], batch: Int) {
        let (input, output, bias) = (random.integer(2...9), random.integer(1...7), random.next() % 4 != 0)
        let shape = random.next() % 2 == 0 ? [input] : [random.integer(1...4), input]
        switch name {
        case "Linear": return (StubbedLayer(Linear(input, output, bias: bias)), shape, 5)
        case "LinearRelu": return (StubbedLayer(LinearRelu(input, output, bias: bias)), shape, 5)
        case "LinearBn1d": return (StubbedLayer(LinearBn1d(input, output, bias: bias)), [input], 5)
        case "LinearBnRelu1d": return (StubbedLayer(LinearBnRelu1d(input, output, bias: bias)), [input], 5)
        case "Elemwise": return (StubbedLayer(functions[random.integer(0...functions.count - 1)]), [3, 4, 5], 2)
        case "Concat":
            let layer = Concat()
            let count = random.integer(1...3)
            let axis = random.integer(1...3)
            return (StubbedLayer(layer, operandCount: count) { layer($0, axis: axis) }, [3, 4, 5], 2)
        case "BatchMatMulActivation":
            let batch = random.integer(1...3)
            let layer = BatchMatMulActivation(
                batch: batch, input, output, bias: bias, relu: random.next() % 2 == 0)
            return (StubbedLayer(layer), [input, random.integer(1...6)], batch)
        case "QuantStub":
            let layer = QuantStub()
            return (StubbedLayer(layer, operandCount: 0) { layer($0[0]) }, [4, 5], 3)
        case "DequantStub": return (StubbedLayer(DequantStub()), [4, 5], 3)
        default:
            let (model, shape) = convolution(name, &random)
            return (model, shape, 2)
        }
    }

    @Test(arguments: ModuleKind.everyName.map(\.name), [1, 2, 3, 4, 5, 6] as [UInt64])
    func qatWithoutRoundingIsFloatAndWithRoundingIsQuantized(name: String, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed &* 1000 &+ UInt64(name.utf8.count))
        let (model, shape, batch) = Self.model(name, &random)
        var net = Network(model, shape: shape)
        net.randomize(&random)
        let input = ["data": random.tensor([batch] + shape)]
        net.eval()
        let float = try net.realOutput(input)
        #expect(!float.isEmpty && float.allSatisfy(\.isFinite))

        try net.quantizeQAT(.minMaxFakequant)
        let node = try #require(net.graph.modules(under: "layer").first)
        #expect(node.op.name == "QAT.\(name)")
        net.eval()
        net.enableObserver()
        net.disableFakeQuant()
        let plain = try net.realOutput(input)
        let size = float.reduce(1) { max($0, abs($1)) }
        #expect(zip(plain, float).allSatisfy { abs($0 - $1) <= 1e-5 * size } && plain.count == float.count)

        net.eval()
        net.enableFakeQuant()
        let rounded = try net.realOutput(input)
        let scales = try net.graph.modules().compactMap { try net.graph.quantParameters(of: $0, .activation)?.scale }
        // A module without a scale of its own has those of its data.
        let scale = try net.graph.quantParameters(of: node, .activation)?.scale ?? scales.max()
        // Bounds of a step of 1/127 of the range for each operand, weights and result, loosely.
        #expect(zip(rounded, float).allSatisfy { abs($0 - $1) <= 0.12 * size }, "seed \(seed)")
        #expect(rounded != float || float.allSatisfy { $0 == 0 })

        try net.quantize()
        net.eval()
        // A fused module is one operator.
        #expect(net.graph.modules(under: "layer").map(\.op.name) == ["Quantized.\(name)"])
        let integers = try net.realOutput(input)
        try #require(integers.count == rounded.count)
        let step = scale ?? 0
        let differing = zip(integers, rounded).filter { abs($0 - $1) > step * 1e-3 }
        #expect(differing.allSatisfy { abs($0 - $1) <= step * 1.001 }, "seed \(seed)")
        // Only what lies on a tie may differ.
        #expect(differing.count * 20 <= integers.count + 40, "seed \(seed): \(differing.count) of \(integers.count)")
    }
}
