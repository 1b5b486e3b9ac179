import Conversion
import Modules
import Quantization
import Tensors
import TestSupport
import Testing

/// State dictionaries of the three families, and which fits into which.
@Suite struct NetworkStateTests {
    private struct Net: Module {
        let quant = QuantStub()
        let conv = ConvBnRelu2d(2, 3, 3)
        let dequant = DequantStub()
        let fc = Linear(3, 2).disableQuantize()
        func forward(_ x: Value) -> Value { fc(dequant(conv(quant(x))).globalAveragePool().flatten()) }
    }

    private static func network(seed: UInt64) -> Network {
        Network(Net(), shape: [2, 5, 5], initialization: ParameterInitialization(seed: seed))
    }

    private static let batch: [String: Tensor] = {
        var generator = SeededGenerator(seed: 1)
        return ["data": Tensor(shape: [4, 2, 5, 5], elements: (0..<200).map { _ in generator.normal() })]
    }()

    @Test func parametersFollowFromSeedAndNameAlone() {
        #expect(
            Self.network(seed: 1).stateDictionary.entries.map(\.tensor)
                == Self.network(seed: 1).stateDictionary.entries.map(\.tensor))
        #expect(
            Self.network(seed: 1).stateDictionary["fc.weight"] != Self.network(seed: 2).stateDictionary["fc.weight"])
    }

    @Test func floatStateGoesIntoAQATNetworkWithoutStrictOnly() throws {
        let float = Self.network(seed: 1)
        var qat = Self.network(seed: 2)
        try qat.quantizeQAT()
        let error = #expect(throws: StateLoadError.self) { try qat.loadStateDictionary(float.stateDictionary) }
        guard case .keysDiffer(let missing, let unexpected) = error else { return }
        #expect(missing.contains("conv.act_observer.min_val") && unexpected.isEmpty)
        #expect(qat.stateDictionary["fc.weight"] == Self.network(seed: 2).stateDictionary["fc.weight"])
        let report = try qat.loadStateDictionary(float.stateDictionary, strict: false)
        #expect(report.missing == missing)
        #expect(qat.stateDictionary["fc.weight"] == float.stateDictionary["fc.weight"])
    }

    @Test func convertedStateNeedsAConvertedNetwork() throws {
        var qat = Self.network(seed: 1)
        try qat.quantizeQAT()
        qat.eval()
        qat.enableObserver()
        _ = try qat.run(Self.batch)
        var float = Self.network(seed: 2)
        #expect(throws: StateLoadError.self) { try float.loadStateDictionary(qat.stateDictionary) }
        var fresh = Self.network(seed: 2)
        try fresh.quantizeQAT()
        try fresh.loadStateDictionary(qat.stateDictionary)
        fresh.eval()
        qat.eval()
        #expect(try fresh.run(Self.batch) == qat.run(Self.batch))
        // A checkpoint is taken apart.
        var wrapped = StateDictionary()
        wrapped["step"] = Tensor(scalar: Int64(7))
        for entry in qat.stateDictionary.entries { wrapped["state_dict.\(entry.name)"] = entry.tensor }
        var other = Self.network(seed: 3)
        try other.quantizeQAT()
        try other.loadStateDictionary(wrapped)
        other.eval()
        #expect(try other.run(Self.batch) == qat.run(Self.batch))
    }

    @Test func quantizedStateHoldsTheScalesOfResults() throws {
        var qat = Self.network(seed: 1)
        try qat.quantizeQAT()
        var empty = qat
        qat.eval()
        qat.enableObserver()
        _ = try qat.run(Self.batch)
        try qat.quantize()
        try empty.quantize()
        let state = qat.stateDictionary
        #expect(state["conv.weight"]?.elementType == .int8 && state["conv.scale"] != nil && state["quant.scale"] != nil)
        try empty.loadStateDictionary(state)
        qat.eval()
        empty.eval()
        #expect(try empty.run(Self.batch) == qat.run(Self.batch))
    }

    @Test func tensorsOfOtherShapesAreRefusedByName() throws {
        var net = Self.network(seed: 1)
        var state = net.stateDictionary
        state["fc.weight"] = Tensor(zeros: [2, 4], elementType: .float32)
        let error = #expect(throws: StateLoadError.self) { try net.loadStateDictionary(state) }
        #expect("\(try #require(error))".contains("fc.weight"))
    }
}
