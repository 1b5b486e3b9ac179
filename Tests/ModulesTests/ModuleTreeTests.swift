import Conversion
import Execution
import Graphs
import Modules
import Quantization
import Tensors
import TestSupport
import Testing

/// Which layers of a network are converted, and what modes and recipes do to them.
@Suite struct ModuleTreeTests {
    /// Two linear layers between stubs, as in upstream's tests.
    private struct Linears: Module {
        let quant = QuantStub()
        let linear = [Linear(3, 3), Linear(3, 3)]
        let dequant = DequantStub()
        func forward(_ x: Value) -> Value { dequant(linear[1](linear[0](quant(x)))) }
    }

    private static func input(_ shape: [Int], seed: UInt64 = 5) -> [String: Tensor] {
        var random = SeededGenerator(seed: seed)
        return ["data": random.tensor(shape)]
    }

    private static func settings(_ net: Network) -> [String: QATSettings] {
        Dictionary(
            uniqueKeysWithValues: net.graph.modules().compactMap { node in
                guard case .module(let module) = node.op, case .qat(let settings) = module.family else { return nil }
                return (node.modulePath, settings)
            })
    }

    @Test func theModelItselfIsNeverReplaced() throws {
        var net = Network(Linear(3, 2), shape: [3])
        try net.quantizeQAT(.minMaxFakequant)
        #expect(net.graph.nodes.map(\.op.name) == ["Linear"])
        #expect(net.stateDictionary.names == ["weight", "bias"])
        net.eval()
        #expect(try net.run(Self.input([2, 3]))["output"]?.shape == [2, 2])
        // As a child of something else it is.
        var wrapped = Network(Sequential(QuantStub(), Linear(3, 2)), shape: [3])
        try wrapped.quantizeQAT(.minMaxFakequant)
        #expect(wrapped.graph.nodes.map(\.op.name) == ["QAT.QuantStub", "QAT.Linear"])
    }

    @Test func otherLayersStayFloat() throws {
        let plain = Sequential(
            BatchNorm2d(2), ReLU(), MaxPool2d(2), AvgPool2d(2), LayerNorm(2), Identity(), Sequential(ReLU()))
        var net = Network(plain, shape: [2, 8, 8])
        let before = net.graph.nodes
        try net.quantizeQAT()
        #expect(net.graph.nodes == before && !before.isEmpty)
        try net.quantize()
        #expect(net.graph.nodes == before)
    }

    @Test func recipesReachTheModulesThatHaveAUseForThem() throws {
        var net = Network(Linears(), shape: [3])
        try net.quantizeQAT(.minMaxFakequant)
        try net.propagateQConfig(.emaLowbitFakequant)
        let all = Self.settings(net).mapValues(\.qconfig)
        #expect(all["linear.0"] == .emaLowbitFakequant && all["linear.1"] == .emaLowbitFakequant)
        let stub = try #require(all["quant"])
        #expect(stub.weightObserver == nil && stub.weightFakeQuant == nil)
        #expect(stub.actObserver == QConfig.emaLowbitFakequant.actObserver && stub.actFakeQuant != nil)
        #expect(
            all["dequant"] == QConfig(weightObserver: nil, actObserver: nil, weightFakeQuant: nil, actFakeQuant: nil))
    }

    @Test func modesSwitchObserversAndNeverFakeQuantizers() throws {
        var net = Network(Linears(), shape: [3])
        try net.quantizeQAT(.emaFakequant)
        func flags() -> Set<[Bool]> {
            Set(
                Self.settings(net).values.map {
                    [
                        $0.weightObserverIsEnabled, $0.actObserverIsEnabled, $0.weightFakeQuantIsEnabled,
                        $0.actFakeQuantIsEnabled,
                    ]
                })
        }
        #expect(flags() == [[true, true, true, true]])
        net.eval()
        #expect(flags() == [[false, false, true, true]])
        let before = net.stateDictionary
        _ = try net.run(Self.input([4, 3]))
        #expect(net.stateDictionary == before)
        net.disableFakeQuant()
        net.train()
        #expect(flags() == [[true, true, false, false]])
        _ = try net.run(Self.input([4, 3]))
        let after = net.stateDictionary
        #expect(after != before && after["linear.0.weight"] == before["linear.0.weight"])
        net.eval()
        #expect(flags() == [[false, false, false, false]])
        // Calibration: everything rests, then observers alone are woken.
        net.enableObserver()
        #expect(flags() == [[true, true, false, false]])
    }

    @Test func observersPassValuesOnToTheBit() throws {
        var float = Network(Linears(), shape: [3])
        float.eval()
        let x = Self.input([5, 3])
        let plain = try float.run(x)
        for preset in [QConfig.minMaxFakequant, .emaFakequant, .calibration] {
            var net = float
            try net.quantizeQAT(preset)
            net.eval()
            net.enableObserver()
            net.disableFakeQuant()
            #expect(try net.run(x) == plain)
            #expect(net.stateDictionary["quant.act_observer.max_val"] != StateTensors.untouched)
        }
    }

    @Test func quantizedDescriptionsNameTheLayerAndItsExtents() throws {
        struct Net: Module {
            let quant = QuantStub()
            let convBnRelu = ConvBnRelu2d(3, 3, 3)
            let linear = Linear(3, 3)
            func forward(_ x: Value) -> Value { linear(convBnRelu(quant(x)).globalAveragePool().flatten()) }
        }
        var net = Network(Net(), shape: [3, 6, 6])
        try net.quantizeQAT()
        try net.quantize()
        #expect(
            net.description == """
                Network(
                  (quant): Quantized.QuantStub()
                  (convBnRelu): Quantized.ConvBnRelu2d(3, 3, kernel_size=(3, 3))
                  (linear): Quantized.Linear()
                )
                """)
    }
}

private enum StateTensors {
    /// The largest element of nothing.
    static let untouched = Tensor(shape: [1], elements: [-Float.greatestFiniteMagnitude])
}
