import Conversion
import Graphs
import Modules
import ONNXFormat
import Quantization
import Tensors
import TestSupport
import Testing

/// A network with something of everything.
private struct SampleNet: Module {
    let quant = QuantStub()
    let stem = ConvBnRelu2d(2, 4, 3, padding: 1, bias: false)
    let blocks: [any Module] = [ConvBn2d(4, 4, 1), ConvRelu2d(4, 4, 3, padding: 1)]
    let heads: [String: Linear] = ["a": Linear(4, 3), "b": Linear(4, 2)]
    let add = Elemwise("add")
    let join = Concat()
    let dequant = DequantStub()
    let norm = BatchNorm2d(4)

    func forward(_ x: Value) -> Value {
        let y = stem(quant(x))
        let sum = add(blocks[0].forward(y), blocks[1].forward(y))
        let pooled = sum.globalAveragePool().flatten()
        guard let a = heads["a"], let b = heads["b"] else { return pooled }
        let joined = join([a(pooled), b(pooled)])
        return dequant(joined)
    }
}

private func makeNet(seed: UInt64 = 4) -> Network {
    Network(SampleNet(), shape: [2, 6, 6], initialization: ParameterInitialization(seed: seed))
}

private func batch(_ count: Int = 3, seed: UInt64 = 8) -> [String: Tensor] {
    var generator = SeededGenerator(seed: seed)
    return ["data": Tensor(shape: [count, 2, 6, 6], elements: (0..<count * 72).map { _ in generator.normal() })]
}

private func names(_ net: Network) -> [String: String] {
    Dictionary(
        net.graph.nodes.compactMap { node in node.module.map { ($0.path, node.op.name) } },
        uniquingKeysWith: { a, _ in a })
}

/// From family to family: what is converted, what stays, and what can be switched.
@Suite struct ModuleConversionTests {
    @Test func allThreeFamiliesHaveTheSame17Names() {
        let float = Set(ModuleKind.everyName.map(\.name))
        #expect(float.count == 17)
        for family in [
            ModuleFamily.qat(QATSettings(.emaFakequant)),
            .quantized(QuantizedSettings(inputs: [.qint8], weight: .qint8Narrow, output: .qint8)),
        ] {
            let names = Set(
                ModuleKind.everyName.map { ModuleOperator($0, family: family).name.split(separator: ".")[1] })
            #expect(names == Set(float.map { Substring($0) }))
        }
    }

    @Test func childrenOfArraysAndDictionariesAreConverted() throws {
        var net = makeNet()
        try net.quantizeQAT()
        let kinds = names(net)
        #expect(kinds["blocks.0"] == "QAT.ConvBn2d" && kinds["blocks.1"] == "QAT.ConvRelu2d")
        #expect(kinds["heads.a"] == "QAT.Linear" && kinds["heads.b"] == "QAT.Linear")
        #expect(kinds["quant"] == "QAT.QuantStub" && kinds["dequant"] == "QAT.DequantStub")
        // A fused module is one module; the layers within it are no modules of their own.
        #expect(!kinds.keys.contains { $0.hasSuffix(".conv") || $0.hasSuffix(".bn") })
        let keys = net.stateDictionary.names
        #expect(keys.contains("stem.conv.weight") && keys.contains("stem.bn.running_var"))
        #expect(keys.contains("stem.act_observer.runtime_momentum") && keys.contains("stem.weight_observer.max_val"))
    }

    @Test func conversionInACopyLeavesTheOriginal() throws {
        let float = makeNet()
        var qat = float
        try qat.quantizeQAT()
        qat.eval()
        qat.enableObserver()
        _ = try qat.run(batch())
        var quantized = qat
        try quantized.quantize()
        #expect(names(float)["stem"] == "ConvBnRelu2d" && names(qat)["stem"] == "QAT.ConvBnRelu2d")
        #expect(names(quantized)["stem"] == "Quantized.ConvBnRelu2d")
        #expect(quantized.isTraining)
        #expect(throws: ModuleError.inferenceOnly(path: "quant", name: "Quantized.QuantStub")) {
            var net = quantized
            _ = try net.run(batch())
        }
        quantized.eval()
        var plain = float
        plain.eval()
        let expected = try #require(try plain.run(batch())["output"]).elements(as: Float.self)
        let result = try #require(try quantized.run(batch())["output"]).elements(as: Float.self)
        #expect(zip(result, expected).allSatisfy { abs($0 - $1) < 0.2 })
    }

    @Test func disabledModulesStayFloatAsACallAndAsAWrapper() throws {
        struct Net: Module {
            let quant = QuantStub()
            let conv = ConvBnRelu2d(2, 4, 3)
            let dequant = DequantStub()
            let fc = Sequential(Linear(4, 3)).disableQuantize()
            func forward(_ x: Value) -> Value { fc(dequant(conv(quant(x))).globalAveragePool().flatten()) }
        }
        var net = Network(Net(), shape: [2, 6, 6])
        try net.quantizeQAT()
        #expect(names(net)["fc.0"] == "Linear" && names(net)["conv"] == "QAT.ConvBnRelu2d")
        var called = makeNet()
        try called.disableQuantize("heads")
        try called.quantizeQAT()
        #expect(names(called)["heads.a"] == "Linear" && names(called)["stem"] == "QAT.ConvBnRelu2d")
        #expect(throws: ModuleError.self) { try called.disableQuantize("nothing") }
        // A float module must not read quantized values.
        called.eval()
        called.enableObserver()
        _ = try called.run(batch())
        let error = #expect(throws: ModuleError.self) { try called.quantize() }
        #expect("\(try #require(error))".contains("heads.a"))
    }

    @Test func stubsHaveNoWeightPartsAndDequantStubHasNone() throws {
        var net = makeNet()
        try net.quantizeQAT(.minMaxFakequant)
        for node in net.graph.modules() {
            guard case .module(let module) = node.op, case .qat(let settings) = module.family else { continue }
            #expect((settings.qconfig.weightObserver == nil) == !module.kind.hasWeight)
            #expect((settings.qconfig.actFakeQuant == nil) == (module.kind == .dequantStub))
        }
    }

    @Test func switchesActOnAllModulesBelow() throws {
        func flags(_ net: Network) -> [String: [Bool]] {
            var result: [String: [Bool]] = [:]
            for node in net.graph.modules() {
                guard case .module(let module) = node.op, case .qat(let settings) = module.family else { continue }
                result[node.modulePath] = [
                    settings.weightObserverIsEnabled, settings.actObserverIsEnabled, settings.weightFakeQuantIsEnabled,
                    settings.actFakeQuantIsEnabled,
                ]
            }
            return result
        }
        var net = makeNet()
        try net.quantizeQAT()
        #expect(flags(net).values.allSatisfy { $0 == [true, true, true, true] })
        net.eval()
        #expect(flags(net).values.allSatisfy { $0 == [false, false, true, true] })
        net.disableFakeQuant()
        net.enableObserver(under: "blocks")
        #expect(
            flags(net)["blocks.0"] == [true, true, false, false] && flags(net)["stem"] == [false, false, false, false])
        net.train()
        #expect(flags(net).values.allSatisfy { $0 == [true, true, false, false] })
        net.enableFakeQuant(under: "heads.a")
        #expect(
            flags(net)["heads.a"] == [true, true, true, true] && flags(net)["heads.b"] == [true, true, false, false])
    }

    @Test func withoutFakeQuantizersQATIsFloat() throws {
        var float = makeNet()
        float.eval()
        let expected = try #require(try float.run(batch())["output"])
        var net = makeNet()
        try net.quantizeQAT()
        net.eval()
        net.enableObserver()
        _ = try net.run(batch())
        net.eval()
        let (first, second) = (try net.run(batch())["output"], try net.run(batch())["output"])
        #expect(first == second && first != expected)
        net.disableFakeQuant()
        let plain = try #require(try net.run(batch())["output"])
        for (a, b) in zip(plain.elements(as: Float.self), expected.elements(as: Float.self)) {
            #expect(abs(a - b) <= 1e-5)
        }
    }

    @Test func resettingHandsScalesOver() throws {
        var net = makeNet()
        try net.quantizeQAT(.minMaxFakequant)
        net.eval()
        net.enableObserver()
        _ = try net.run(batch())
        net.eval()
        let rounded = try #require(try net.run(batch())["output"]).elements(as: Float.self)
        func scales(_ net: Network) throws -> [Float] {
            try net.graph.modules().flatMap { node in
                try ModulePart.allCases.compactMap { try net.graph.quantParameters(of: node, $0)?.scale }
            }
        }
        let before = try scales(net)
        for preset in [QConfig.passive, .tqt] {
            var other = net
            try other.resetQConfig(preset)
            other.eval()
            for (a, b) in zip(before, try scales(other)) { #expect(abs(a - b) <= a * 1e-6) }
            let output = try #require(try other.run(batch())["output"]).elements(as: Float.self)
            // The logarithm of a scale may move a value that lies on a tie to the next integer.
            for (a, b) in zip(output, rounded) { #expect(abs(a - b) <= (preset == .passive ? 0 : 0.02)) }
        }
        var fresh = net
        try fresh.resetQConfig(.emaFakequant)
        #expect(try scales(fresh).allSatisfy { $0 == 1e-5 })
        // Without anything handed over, a passive observer knows no scale.
        var passive = makeNet()
        try passive.quantizeQAT(.passive)
        passive.eval()
        #expect(throws: (any Error).self) { try passive.run(batch()) }
    }

    @Test func easyQuantFindsScalesThatAreNoWorse() throws {
        var net = makeNet()
        try net.quantizeQAT(.minMaxFakequant)
        net.eval()
        net.enableObserver()
        _ = try net.run(batch())
        try net.resetQConfig(.easyQuant)
        net.eval()
        let outcomes = try net.applyEasyQuant(batch())
        #expect(outcomes.count == 5 + net.graph.modules().count - 1)
        #expect(
            outcomes.allSatisfy { outcome in
                outcome.found.map { $0 >= outcome.original * 0.7999 && $0 <= outcome.original * 1.2001 } ?? false
            })
        #expect(outcomes.contains { $0.found != $0.original })
        for outcome in outcomes where outcome.part == .activation {
            let node = try #require(net.graph.modules(under: outcome.path).first)
            #expect(try net.graph.quantParameters(of: node, .activation)?.scale == outcome.found)
        }
    }

    @Test func overridesAndMappingsGoBeforeTheStandard() throws {
        var net = makeNet()
        try net.quantizeQAT(
            .emaFakequant,
            overrides: [
                QConfigOverride("heads.*", .minMaxFakequant), QConfigOverride("ConvRelu2d", .emaLowbitFakequant),
            ])
        func observer(_ path: String) throws -> ObserverSpecification? {
            guard case .module(let module) = try #require(net.graph.modules(under: path).first).op,
                case .qat(let settings) = module.family
            else { return nil }
            return settings.qconfig.actObserver
        }
        #expect(try observer("heads.b")?.algorithm == .minMax)
        #expect(try observer("blocks.1")?.dtype == .qint4)
        #expect(try observer("stem")?.algorithm == .exponentialMovingAverage(momentum: 0.9))
        var mapped = makeNet()
        let mapping = ModuleMapping(toQAT: [
            "Linear": { (module, qconfig) throws(ModuleError) in
                var kept = module
                kept.disablesQuantization = true
                return kept
            }
        ])
        try mapped.quantizeQAT(mapping: mapping)
        #expect(names(mapped)["heads.a"] == "Linear" && names(mapped)["stem"] == "QAT.ConvBnRelu2d")
    }

    @Test func aLayerAtTwoPlacesIsOneModuleWithTwoCalls() throws {
        struct Shared: Module {
            let quant = QuantStub()
            let conv = ConvRelu2d(2, 2, 3, padding: 1)
            let dequant = DequantStub()
            func forward(_ x: Value) -> Value { dequant(conv(conv(quant(x)))) }
        }
        var net = Network(Shared(), shape: [2, 6, 6])
        try net.quantizeQAT(.minMaxFakequant)
        #expect(net.graph.modules(under: "conv").count == 2)
        net.eval()
        net.enableObserver()
        _ = try net.run(batch())
        try net.quantize()
        net.eval()
        #expect(net.graph.modules(under: "conv").allSatisfy { $0.op.name == "Quantized.ConvRelu2d" })
        #expect(net.stateDictionary.names.filter { $0 == "conv.weight" }.count == 1)
        _ = try net.run(batch())
    }

    @Test func descriptionsNameFamilyAndParts() throws {
        struct Net: Module {
            let convBnRelu = ConvBnRelu2d(3, 3, 3)
            let linear = Linear(3, 3)
            func forward(_ x: Value) -> Value { linear(convBnRelu(x).globalAveragePool().flatten()) }
        }
        var net = Network(Net(), shape: [3, 6, 6])
        try net.quantizeQAT()
        #expect(
            net.description == """
                Network(
                  (convBnRelu): QAT.ConvBnRelu2d(
                    (conv): Conv2d(3, 3, kernel_size=(3, 3))
                    (bn): BatchNorm2d(3)
                    (act_observer): ExponentialMovingAverageObserver()
                    (act_fake_quant): FakeQuantize()
                    (weight_observer): MinMaxObserver()
                    (weight_fake_quant): FakeQuantize()
                  )
                  (linear): QAT.Linear(in_features=3, out_features=3
                    (act_observer): ExponentialMovingAverageObserver()
                    (act_fake_quant): FakeQuantize()
                    (weight_observer): MinMaxObserver()
                    (weight_fake_quant): FakeQuantize()
                  )
                )
                """)
    }
}
