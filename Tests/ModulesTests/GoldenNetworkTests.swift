import Conversion
import Foundation
import Graphs
import Modules
import Quantization
import Tensors
import TestSupport
import Testing

/// The guide's small network, written in Swift, against every number that MegEngine gives for it.
@Suite struct GoldenNetworkTests {
    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    private struct SmallNet: Module {
        let quant = QuantStub()
        let c1 = ConvBnRelu2d(1, 2, 3, padding: 1, bias: false)
        let c2 = ConvBn2d(2, 2, 3, padding: 1, bias: false)
        let add = Elemwise("FUSE_ADD_RELU")
        let deq = DequantStub()
        let fc = Linear(8, 3).disableQuantize()

        func forward(_ x: Value) -> Value {
            let first = c1(quant(x))
            return fc(deq(add(first, c2(first)).maxPool(2).flatten()))
        }
    }

    private struct Layer: Decodable {
        let values: NestedNumbers
        let scale: Float?
    }

    private struct Preset: Decodable {
        let qat: [String: Layer]?
        let actScales: [String: Float]
        let wScales: [String: Float]
        let q: [String: Layer]
        let qWeights: [String: NestedNumbers]
        let qBias: [String: NestedNumbers]
    }

    private struct Golden: Decodable {
        let float: [String: Layer]
        let minMaxFakequantQconfig: Preset
        let calibrationQconfig: Preset
        let emaFakequantQconfig: Preset
    }

    private static func golden() throws -> Golden {
        let url = Fixtures.directory.appending(path: "goldens/goldens_megengine_net.json")
        return try Self.decoder.decode(Golden.self, from: Data(contentsOf: url))
    }

    private static func fill(_ shape: Shape, _ k: Int, _ s: Double) -> Tensor {
        Tensor(
            shape: shape,
            elements: (0..<shape.elementCount).map { Float(Double((37 * $0 + 11 * k) % 101 - 50) / 100 * s) })
    }

    private static let input = ["data": fill([2, 1, 4, 4], 9, 4)]

    private static func network() throws -> Network {
        var net = Network(SmallNet(), shape: [1, 4, 4])
        var state = StateDictionary()
        func vector(_ values: [Float]) -> Tensor { Tensor(shape: [values.count], elements: values) }
        state["c1.conv.weight"] = fill([2, 1, 3, 3], 0, 2)
        state["c2.conv.weight"] = fill([2, 2, 3, 3], 1, 2)
        for name in ["c1", "c2"] {
            state["\(name).bn.weight"] = vector([1.25, 0.75])
            state["\(name).bn.bias"] = vector([0.1, -0.2])
            state["\(name).bn.running_mean"] = vector([0.05, -0.05])
            state["\(name).bn.running_var"] = vector([0.9, 1.6])
        }
        state["fc.weight"] = fill([3, 8], 5, 1)
        state["fc.bias"] = vector([0.1, 0.2, 0.3])
        try net.loadStateDictionary(state)
        return net
    }

    /// The outputs of all layers, by path.
    private static func layers(of net: inout Network) throws -> [String: Tensor] {
        let own = net.graph.outputs
        var names: [String: String] = [:]
        for node in net.graph.nodes { names[node.module?.path ?? node.op.name] = node.outputs[0] }
        for name in names.values where !own.contains(where: { $0.name == name }) {
            net.graph.outputs.append(.init(name: name, type: TensorType(elementType: .float32, dimensions: nil)))
        }
        let outputs = try net.run(input)
        net.graph.outputs = own
        return names.compactMapValues { outputs[$0] }
    }

    private static func real(_ tensor: Tensor) -> [Double] {
        tensor.elementType == .int8
            ? tensor.elements(as: Int8.self).map(Double.init) : tensor.elements(as: Float.self).map(Double.init)
    }

    private static func check(
        _ layers: [String: Tensor], _ golden: [String: Layer], tolerance: (String) -> Double
    ) throws {
        for (name, layer) in golden {
            let key = name == "pool" ? "MaxPool" : name == "out" ? "fc" : name
            let ours = real(try #require(layers[key], "\(name)"))
            try #require(ours.count == layer.values.flat.count, "\(name)")
            let worst = zip(ours, layer.values.flat).map { abs($0 - $1) }.max() ?? 0
            #expect(worst <= tolerance(name), "\(name) differs by \(worst)")
        }
    }

    @Test func theFloatNetworkIsMegEngines() throws {
        var net = try Self.network()
        net.eval()
        try Self.check(Self.layers(of: &net), Self.golden().float) { _ in 1e-5 }
    }

    @Test(arguments: ["min_max_fakequant", "ema_fakequant", "calibration"])
    func scalesQATAndIntegersAreMegEngines(name: String) throws {
        let golden = try Self.golden()
        let preset =
            switch name {
            case "min_max_fakequant": golden.minMaxFakequantQconfig
            case "ema_fakequant": golden.emaFakequantQconfig
            default: golden.calibrationQconfig
            }
        var qconfig = try QConfig(preset: name)
        if case .histogram(let bins, let rate, _) = qconfig.actObserver?.algorithm {
            // The golden is MegEngine's own histogram, not the exact one.
            qconfig.actObserver?.algorithm = .histogram(bins: bins, upsampleRate: rate, form: .megengine)
        }
        var net = try Self.network()
        try net.quantizeQAT(qconfig)
        #expect(net.isTraining)
        net.eval()
        net.enableObserver()
        _ = try net.run(Self.input)
        net.disableObserver()
        for node in net.graph.modules() {
            if let scale = preset.actScales[node.modulePath] {
                let ours = try #require(try net.graph.quantParameters(of: node, .activation)).scale
                #expect(abs(ours - scale) <= scale * 2e-6, "\(node.modulePath) \(ours) \(scale)")
            }
            if let scale = preset.wScales[node.modulePath] {
                let ours = try #require(try net.graph.quantParameters(of: node, .weight)).scale
                #expect(abs(ours - scale) <= scale * 2e-6, "\(node.modulePath) \(ours) \(scale)")
            }
        }
        if let qat = preset.qat {
            try Self.check(Self.layers(of: &net), qat) { name in
                // The value that set a range lies exactly on a tie.
                ["out", "deq"].contains(name) ? 1e-5 : Double(preset.actScales[name] ?? 0) * 1.01 + 1e-5
            }
        }
        let float = try Self.layers(of: &net)
        try net.quantize()
        net.eval()
        let integers = try Self.layers(of: &net)
        try Self.check(integers, preset.q) { ["deq", "out"].contains($0) ? 1e-5 : 1 }
        #expect(float["fc"] == integers["fc"] || preset.qat == nil, "QAT and quantized logits have the same bits")
        for (path, golden) in preset.qWeights {
            let weight = try #require(net.stateDictionary["\(path).weight"]).elements(as: Int8.self)
            #expect(zip(weight, golden.flat).allSatisfy { abs(Double($0) - $1) <= 0 }, "\(path)")
            let bias = try #require(net.stateDictionary["\(path).bias"]).elements(as: Float.self)
            for (ours, theirs) in zip(bias, try #require(preset.qBias[path]).flat) {
                #expect(abs(Double(ours) - theirs) <= 1e-6)
            }
        }
    }
}
