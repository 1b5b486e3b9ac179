import Conversion
import Foundation
import Graphs
import Modules
import Quantization
import Tensors
import TestSupport
import Testing

/// Convolutions, normalizations and pooling against MegEngine's numbers, in all three families.
@Suite struct ConvolutionGoldenTests {
    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    private struct Integers: Decodable {
        let int: NestedNumbers
        let scale: Float
    }

    private struct Convolutions: Decodable {
        struct Case: Decodable {
            let module: String
            let stride: Int
            let padding: Int
            let dilation: Int
            let qatY: NestedNumbers
            let wScale: Float
            let actScale: Float
            let out: Integers
        }
        private enum CodingKeys: String, CodingKey {
            case weight = "W"
            case b, x, xScale, cases
        }

        let weight: NestedNumbers
        let b: NestedNumbers
        let x: NestedNumbers
        let xScale: Float
        let cases: [Case]
    }

    private struct Normalizations: Decodable {
        struct Case: Decodable {
            let module: String
            let qatEvalY: NestedNumbers
            let actScale: Float
            let qWeight: Integers
            let qOut: Integers
            let trainNofqY: NestedNumbers
            let runningMean: [Float]
            let runningVar: [Float]
        }
        let convW: NestedNumbers
        let convB: NestedNumbers
        let gamma: [Float]
        let beta: [Float]
        let mean: [Float]
        let `var`: [Float]
        let x: NestedNumbers
        let xScale: Float
        let cases: [Case]
    }

    private struct Pooling: Decodable {
        let xInt: NestedNumbers
        let max2: Integers
        let avg2: Integers
        let avg3P1Exclude: Integers
    }

    private struct Goldens: Decodable {
        let conv: Convolutions
        let convBn: Normalizations
        let pool: Pooling
    }

    private static func goldens() throws -> Goldens {
        let url = Fixtures.directory.appending(path: "goldens/goldens_megengine.json")
        return try Self.decoder.decode(Goldens.self, from: Data(contentsOf: url))
    }

    /// A stub of a known scale, and a layer behind it.
    private struct Stubbed<Inner: Module>: Module {
        let quant = QuantStub()
        let layer: Inner
        func forward(_ x: Value) -> Value { layer(quant(x)) }
    }

    private static let qconfig = QConfig(
        weightObserver: ObserverSpecification(.minMax, dtype: .qint8Narrow),
        actObserver: ObserverSpecification(.minMax),
        weightFakeQuant: FakeQuantSpecification(dtype: .qint8Narrow), actFakeQuant: FakeQuantSpecification())

    /// A QAT network in inference whose stub has the scale of the golden input.
    private static func network(
        _ layer: some Module, _ state: [String: Tensor], shape: [Int], input: Tensor, scale: Float
    ) throws -> Network {
        var net = Network(Stubbed(layer: layer), shape: shape)
        var dictionary = net.stateDictionary
        for (key, tensor) in state { dictionary["layer.\(key)"] = tensor }
        try net.loadStateDictionary(dictionary)
        try net.quantizeQAT(Self.qconfig)
        net.eval()
        let limit = Tensor(shape: [1], elements: [scale * 127.5])
        net.graph.initializers["quant.act_observer.max_val"] = limit
        net.graph.initializers["quant.act_observer.min_val"] = limit
        net.enableObserver(under: "layer")
        return net
    }

    private static func differ(_ tensor: Tensor, _ golden: NestedNumbers) -> Double {
        let ours =
            tensor.elementType == .int8
            ? tensor.elements(as: Int8.self).map(Double.init) : tensor.elements(as: Float.self).map(Double.init)
        guard ours.count == golden.flat.count else { return .infinity }
        return zip(ours, golden.flat).map { abs($0 - $1) }.max() ?? 0
    }

    @Test(arguments: 0..<8)
    func convolutionsOfAllStridesPaddingsAndDilations(index: Int) throws {
        let golden = try Self.goldens().conv
        let example = golden.cases[index]
        let (w, x) = (golden.weight.tensor, golden.x.tensor)
        func layer() -> any Module {
            let (input, output, kernel) = (w.shape[1], w.shape[0], w.shape[2])
            let (s, p, d) = (example.stride, example.padding, example.dilation)
            return example.module == "Conv2d"
                ? Conv2d(input, output, kernel, stride: s, padding: p, dilation: d)
                : ConvRelu2d(input, output, kernel, stride: s, padding: p, dilation: d)
        }
        var net = try Self.network(
            Sequential(layer()),
            ["0.weight": w, "0.bias": golden.b.tensor.reshaped(to: [golden.b.flat.count])],
            shape: Array(x.shape.dimensions.dropFirst()), input: x, scale: golden.xScale)
        let qat = try #require(try net.run(["data": x])["output"])
        let scale = try #require(try net.graph.quantParameters(of: net.graph.modules(under: "layer")[0], .activation))
            .scale
        #expect(abs(scale - example.actScale) <= scale * 2e-6)
        #expect(Self.differ(qat, example.qatY) <= Double(scale) * 1.01)
        try net.quantize()
        net.eval()
        let quantized = try #require(try net.run(["data": x])["output"])
        #expect(Self.differ(quantized, example.out.int) <= 1)
    }

    @Test(arguments: 0..<2)
    func normalizationsFoldTrainAndQuantize(index: Int) throws {
        let golden = try Self.goldens().convBn
        let example = golden.cases[index]
        let (w, x) = (golden.convW.tensor.reshaped(to: [2, 2, 1, 1]), golden.x.tensor)
        func vector(_ values: [Float]) -> Tensor { Tensor(shape: [values.count], elements: values) }
        func layer() -> any Module {
            example.module == "ConvBn2d"
                ? ConvBn2d(w.shape[1], w.shape[0], w.shape[2]) : ConvBnRelu2d(w.shape[1], w.shape[0], w.shape[2])
        }
        let state = [
            "0.conv.weight": w, "0.conv.bias": golden.convB.tensor.reshaped(to: [golden.convB.flat.count]),
            "0.bn.weight": vector(golden.gamma), "0.bn.bias": vector(golden.beta),
            "0.bn.running_mean": vector(golden.mean), "0.bn.running_var": vector(golden.var),
        ]
        let shape = Array(x.shape.dimensions.dropFirst())
        var net = try Self.network(Sequential(layer()), state, shape: shape, input: x, scale: golden.xScale)
        let qat = try #require(try net.run(["data": x])["output"])
        #expect(Self.differ(qat, example.qatEvalY) <= Double(example.actScale) * 1.01)
        var trained = net
        try net.quantize()
        net.eval()
        #expect(Self.differ(try #require(try net.run(["data": x])["output"]), example.qOut.int) <= 1)
        #expect(Self.differ(try #require(net.stateDictionary["layer.0.weight"]), example.qWeight.int) <= 0)

        // In training without rounding: the batch's statistics, and the running ones follow.
        trained.train()
        var unrounded = trained
        // The golden layer got rounded data.
        trained.disableFakeQuant(under: "layer")
        let output = try #require(try trained.run(["data": x])["output"])
        #expect(Self.differ(output, example.trainNofqY) <= 2e-5)
        let states = trained.stateDictionary
        for (key, wanted) in [("running_mean", example.runningMean), ("running_var", example.runningVar)] {
            let ours = try #require(states["layer.0.bn.\(key)"]).elements(as: Float.self)
            for (ours, theirs) in zip(ours, wanted) { #expect(abs(ours - theirs) <= 2e-6 * max(abs(theirs), 1)) }
        }
        // With rounding switched off, QAT in training is the float layer in training.
        var float = Network(Stubbed(layer: Sequential(layer())), shape: shape)
        var dictionary = float.stateDictionary
        for (key, tensor) in state { dictionary["layer.\(key)"] = tensor }
        try float.loadStateDictionary(dictionary)
        let plain = try #require(try float.run(["data": x])["output"]).elements(as: Float.self)
        unrounded.disableFakeQuant()
        let same = try #require(try unrounded.run(["data": x])["output"]).elements(as: Float.self)
        #expect(zip(plain, same).allSatisfy { abs($0 - $1) <= 1e-5 })
    }

    @Test func poolingActsOnIntegers() throws {
        let golden = try Self.goldens().pool
        struct Pools: Module {
            let quant = QuantStub()
            let pool: (Value) -> Value
            func forward(_ x: Value) -> Value { pool(quant(x)) }
        }
        let integers = golden.xInt.tensor
        let x = Tensor(shape: integers.shape, elements: integers.elements(as: Float.self).map { $0 * 0.5 })
        for (pool, wanted) in [
            ({ $0.maxPool(2) }, golden.max2), ({ $0.averagePool(2) }, golden.avg2),
            ({ $0.averagePool(3, stride: 1, padding: 1) }, golden.avg3P1Exclude),
        ] as [((Value) -> Value, Integers)] {
            var net = Network(Pools(pool: pool), shape: Array(x.shape.dimensions.dropFirst()))
            try net.quantizeQAT(Self.qconfig)
            net.eval()
            let limit = Tensor(shape: [1], elements: [Float(0.5 * 127.5)])
            net.graph.initializers["quant.act_observer.max_val"] = limit
            net.graph.initializers["quant.act_observer.min_val"] = limit
            try net.quantize()
            net.eval()
            #expect(Self.differ(try #require(try net.run(["data": x])["output"]), wanted.int) == 0)
        }
    }
}
