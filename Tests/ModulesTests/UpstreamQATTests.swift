import Conversion
import Foundation
import Graphs
import Kernels
import Modules
import Quantization
import Tensors
import TestSupport
import Testing

/// MegEngine's own test cases of QAT and quantized modules, with the numbers of its cases in `semantics.md` 5.2.
@Suite struct UpstreamQATTests {
    /// A network whose scales are set, in inference.
    private struct Prepared {
        var net: Network
        let input: [String: Tensor]

        init(
            _ model: StubbedLayer, _ input: Tensor, scales: [String: Float], random: inout SeededGenerator
        ) throws {
            net = Network(model, shape: Array(input.shape.dimensions.dropFirst()))
            net.randomize(&random)
            try net.quantizeQAT(.passive)
            net.setScales(scales)
            net.eval()
            self.input = ["data": input]
        }

        /// With fake quantizers off, on, and after quantization.
        func results() throws -> (float: [Float], qat: [Float], quantized: [Float]) {
            var net = net
            let qat = try net.realOutput(input)
            net.disableFakeQuant()
            let float = try net.realOutput(input)
            net.enableFakeQuant()
            try net.quantize()
            net.eval()
            return (float, qat, try net.realOutput(input))
        }
    }

    private static func rounded(_ values: [Float], _ scale: Float, _ dtype: QuantDtype = .qint8) -> [Float] {
        let quantizer = FakeQuantizer(FakeQuantSpecification(dtype: dtype), parameter: scale)
        return values.map { quantizer($0) }
    }

    private static func distance(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func case10QuantStub(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let x = random.tensor([3, 3])
        let scale = abs(random.normal()) / 127.5 + 0.001
        let layer = QuantStub()
        let model = StubbedLayer(layer, operandCount: 0) { layer($0[0]) }
        let results = try Prepared(model, x, scales: ["layer.act": scale], random: &random).results()
        #expect(results.float == x.elements(as: Float.self))
        #expect(results.qat == Self.rounded(results.float, scale))
        #expect(results.quantized == results.qat)
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func case11DequantStub(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let x = random.tensor([3, 3])
        let scale = abs(random.normal()) / 127.5 + 0.001
        let prepared = try Prepared(
            StubbedLayer(DequantStub()), x, scales: ["stubs.0.act": scale], random: &random)
        let results = try prepared.results()
        #expect(results.float == x.elements(as: Float.self))
        #expect(results.qat == Self.rounded(results.float, scale))
        #expect(results.quantized == results.qat)
    }

    @Test(arguments: [ElemwiseMode.cos, .relu, .add, .mul, .fuseAddRelu], [1, 2] as [UInt64])
    func case12Elemwise(mode: ElemwiseMode, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let x = random.tensor([3, 3, 3, 3], deviation: 30)
        func scale() -> Float { 1 + Float(random.next() % 1000) / 1000 }
        let (first, second, output) = (scale(), scale() / 100, scale())
        let prepared = try Prepared(
            StubbedLayer(mode), x, scales: ["stubs.0.act": first, "stubs.1.act": second, "layer.act": output],
            random: &random)
        let results = try prepared.results()
        func function(_ a: [Float], _ b: [Float]) -> [Float] {
            zip(a, b).map { a, b in
                switch mode {
                case .cos: Float(cos(Double(a)))
                case .relu: max(a, 0)
                case .add: a + b
                case .mul: a * b
                default: max(a + b, 0)
                }
            }
        }
        let a = x.elements(as: Float.self)
        let b = try ReferenceKernels.evaluate(.unary(.sigmoid), inputs: [x], outputCount: 1)[0].elements(as: Float.self)
        #expect(Self.distance(results.float, function(a, b)) <= 1e-5)
        let wanted = Self.rounded(function(Self.rounded(a, first), Self.rounded(b, second)), output)
        #expect(Self.distance(results.qat, wanted) == 0, "seed \(seed)")
        #expect(Self.distance(results.quantized, wanted) == 0, "seed \(seed)")
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func case14Linear(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let x = random.tensor([3, 3])
        let (input, weight, output) = (Float(3) / 255 * 2, Float(2) / 254 * 2, Float(4) / 255 * 2)
        let prepared = try Prepared(
            StubbedLayer(Linear(3, 3)), x,
            scales: ["stubs.0.act": input, "layer.weight": weight, "layer.act": output], random: &random)
        let results = try prepared.results()
        func product(_ x: [Float], _ w: [Float], _ b: [Float]) -> [Float] {
            (0..<9).map { index in
                var sum = Double(b[index % 3])
                for k in 0..<3 { sum += Double(x[index / 3 * 3 + k]) * Double(w[index % 3 * 3 + k]) }
                return Float(sum)
            }
        }
        let state = prepared.net.stateDictionary
        let w = try #require(state["layer.weight"]).elements(as: Float.self)
        let b = try #require(state["layer.bias"]).elements(as: Float.self)
        let data = x.elements(as: Float.self)
        #expect(Self.distance(results.float, product(data, w, b)) <= 1e-5)
        let inner = product(
            Self.rounded(data, input), Self.rounded(w, weight, .qint8Narrow), Self.rounded(b, input * weight, .qint32))
        #expect(Self.distance(results.qat, Self.rounded(inner, output)) <= 1e-6, "seed \(seed)")
        #expect(Self.distance(results.quantized, results.qat) <= 1e-6, "seed \(seed)")
    }

    @Test(arguments: ["Conv2d", "ConvBn2d", "ConvBnRelu2d"], ModulePaddingMode.allCases)
    func case15Convolutions(name: String, padding: ModulePaddingMode) throws {
        var random = SeededGenerator(seed: 15)
        let layer: UnaryLayer =
            switch name {
            case "Conv2d": Conv2d(3, 3, 3, padding: 1, paddingMode: padding)
            case "ConvBn2d": ConvBn2d(3, 3, 3, padding: 1, paddingMode: padding)
            default: ConvBnRelu2d(3, 3, 3, padding: 1, paddingMode: padding)
            }
        let x = random.tensor([1, 3, 3, 3])
        let (input, weight, output) = (Float(3) / 127, Float(2.5) / 127, Float(12) / 127)
        let prepared = try Prepared(
            StubbedLayer(layer), x, scales: ["stubs.0.act": input, "layer.weight": weight, "layer.act": output],
            random: &random)
        let results = try prepared.results()
        let state = prepared.net.stateDictionary
        func vector(_ key: String) throws -> [Float] { try #require(state["layer.\(key)"]).elements(as: Float.self) }
        let prefix = name == "Conv2d" ? "" : "conv."
        var (w, b) = (try vector(prefix + "weight"), try vector(prefix + "bias"))
        if name != "Conv2d" {
            let (gamma, beta) = (try vector("bn.weight"), try vector("bn.bias"))
            let (mean, variance) = (try vector("bn.running_mean"), try vector("bn.running_var"))
            let factors = (0..<3).map { gamma[$0] / (variance[$0] + 1e-5).squareRoot() }
            w = w.enumerated().map { $1 * factors[$0 / 27] }
            b = (0..<3).map { beta[$0] + factors[$0] * (b[$0] - mean[$0]) }
        }
        func plain(_ x: [Float], _ w: [Float], _ b: [Float]) -> [Float] {
            let sums = PlainConvolution.same3x3(x, w, b, channels: 3, extent: 3, padding: padding)
            return name == "ConvBnRelu2d" ? sums.map { max($0, 0) } : sums
        }
        let data = x.elements(as: Float.self)
        #expect(Self.distance(results.float, plain(data, w, b)) <= 1e-5)
        let wanted = Self.rounded(plain(Self.rounded(data, input), Self.rounded(w, weight, .qint8Narrow), b), output)
        #expect(Self.distance(results.qat, wanted) <= output * 1.001)
        #expect(Self.distance(results.quantized, wanted) <= output * 1.001)
    }

    @Test func case16Concat() throws {
        var random = SeededGenerator(seed: 16)
        let x = random.tensor([2, 3, 3])
        let layer = Concat()
        let scales: [String: Float] = [
            "stubs.0.act": 0.031, "stubs.1.act": 0.007, "stubs.2.act": 0.009, "layer.act": 0.02,
        ]
        let model = StubbedLayer(layer, operandCount: 3) { layer($0, axis: 0) }
        let results = try Prepared(model, x, scales: scales, random: &random).results()
        let parts = try [nil, Operator.unary(.sigmoid), .unary(.tanh)].map { op in
            try op.map { try ReferenceKernels.evaluate($0, inputs: [x], outputCount: 1)[0] } ?? x
        }.map { $0.elements(as: Float.self) }
        #expect(Self.distance(results.float, parts.flatMap(\.self)) <= 1e-6)
        let rounded = zip(parts, [Float(0.031), 0.007, 0.009]).flatMap { Self.rounded($0, $1) }
        #expect(results.qat == Self.rounded(rounded, 0.02))
        #expect(results.quantized == results.qat)
    }

    @Test func case24EverythingOnAndOff() throws {
        var random = SeededGenerator(seed: 24)
        let model = StubbedLayer(ConvBnRelu2d(1, 2, 2))
        var float = Network(model, shape: [1, 3, 3])
        float.randomize(&random)
        float.eval()
        let input = ["data": Tensor(shape: [1, 1, 3, 3], elements: (1...9).map { Float($0) })]
        let plain = try float.realOutput(input)
        var net = float
        try net.quantizeQAT(.minMaxFakequant)
        _ = try net.realOutput(input)
        // That was training: the running statistics followed the batch, which the float network has not seen.
        for name in ["layer.bn.running_mean", "layer.bn.running_var"] {
            net.graph.initializers[name] = float.graph.initializers[name]
        }
        net.eval()
        net.disableFakeQuant()
        #expect(Self.distance(try net.realOutput(input), plain) <= 1e-5)
        net.enableFakeQuant()
        let (first, second) = (try net.realOutput(input), try net.realOutput(input))
        #expect(first == second && first != plain)
    }
}

/// A convolution of one image with a 3x3 kernel and one element of padding, written out.
private enum PlainConvolution {
    static func same3x3(
        _ x: [Float], _ w: [Float], _ b: [Float], channels: Int, extent: Int, padding: ModulePaddingMode
    ) -> [Float] {
        func element(_ channel: Int, _ row: Int, _ column: Int) -> Double {
            func place(_ index: Int) -> Int? {
                guard index < 0 || index >= extent else { return index }
                switch padding {
                case .zeros: return nil
                case .reflect: return index < 0 ? -index : 2 * extent - 2 - index
                case .replicate: return min(max(index, 0), extent - 1)
                }
            }
            guard let row = place(row), let column = place(column) else { return 0 }
            return Double(x[(channel * extent + row) * extent + column])
        }
        return (0..<b.count * extent * extent).map { index in
            let (output, row, column) = (index / (extent * extent), index / extent % extent, index % extent)
            var sum = Double(b[output])
            for channel in 0..<channels {
                for (i, j) in (0..<9).map({ ($0 / 3, $0 % 3) }) {
                    let weight = Double(w[((output * channels + channel) * 3 + i) * 3 + j])
                    sum += weight * element(channel, row + i - 1, column + j - 1)
                }
            }
            return Float(sum)
        }
    }
}
