import Evaluation
import Execution
import Graphs
import Tensors
import TestSupport
import Testing

/// Models of the QDQ form that others made: several pairs for a value, and readers of the value beside them.
@Suite struct ForeignModelTests {
    private static let type = TensorType(elementType: .float32, dimensions: [.symbol("N"), 3])

    /// x -> a -> r; r is read by b, by c and by the sum.
    private static func float() -> Graph {
        func linear(_ name: String, _ input: String, _ output: String) -> Node {
            Node(name: name, op: .gemm(GemmAttributes()), inputs: [input, "w\(name)"], outputs: [output])
        }
        var generator = SeededGenerator(seed: 21)
        func weights() -> Tensor { Tensor(shape: [3, 3], elements: (0..<9).map { _ in generator.normal() }) }
        return Graph(
            name: "foreign", inputs: [.init(name: "x", type: type)], outputs: [.init(name: "y", type: type)],
            initializers: ["wa": weights(), "wb": weights(), "wc": weights()],
            nodes: [
                linear("a", "x", "r"), linear("b", "r", "s"), linear("c", "r", "t"),
                Node(name: "add", op: .binary(.add), inputs: ["s", "t"], outputs: ["u"]),
                Node(name: "sum", op: .binary(.add), inputs: ["u", "r"], outputs: ["y"]),
            ])
    }

    /// b reads r behind a pair, c behind a second pair (or a second DequantizeLinear of the first), the sum reads r itself.
    private static func quantized(_ float: Graph, sharesIntegers: Bool) -> Graph {
        var graph = float
        graph.initializers["scale"] = Tensor(scalar: Float(0.05))
        graph.initializers["zero"] = Tensor(scalar: UInt8(128))
        func quantizer(_ name: String, _ input: String, _ output: String) -> Node {
            Node(
                name: name, op: .quantizeLinear(QuantizeLinearAttributes()), inputs: [input, "scale", "zero"],
                outputs: [output])
        }
        func dequantizer(_ name: String, _ input: String, _ output: String) -> Node {
            Node(
                name: name, op: .dequantizeLinear(DequantizeLinearAttributes()), inputs: [input, "scale", "zero"],
                outputs: [output])
        }
        graph.nodes[1].inputs[0] = "r1"
        graph.nodes[2].inputs[0] = "r2"
        graph.nodes.insert(
            contentsOf: [quantizer("q1", "r", "i1"), dequantizer("d1", "i1", "r1")]
                + (sharesIntegers ? [] : [quantizer("q2", "r", "i2")])
                + [dequantizer("d2", sharesIntegers ? "i1" : "i2", "r2")], at: 1)
        return graph
    }

    @Test(arguments: [false, true]) func ownErrorsStayWithTheLayerThatMakesThem(sharesIntegers: Bool) throws {
        let float = Self.float()
        let quantized = Self.quantized(float, sharesIntegers: sharesIntegers)
        // The first layer is spoilt: its own error shows it, and nobody else's.
        var spoilt = quantized
        spoilt.initializers["wa"] = Tensor(shape: [3, 3], elements: [Float](repeating: 0.3, count: 9))
        var generator = SeededGenerator(seed: 4)
        let inputs = ["x": Tensor(shape: [5, 3], elements: (0..<15).map { _ in generator.normal() })]
        let pair = try ModelPair(float: float, quantized: spoilt)
        #expect(pair.layers.map(\.value) == ["r", "s", "t", "u", "y"] && pair.layers[0].quantizedValue == "r1")
        let statistics = try SmallModels.evaluate(pair, inputs, batches: [0..<5])
        #expect(try #require(statistics.layers["r"]).own.signalToNoiseDecibels < 10)
        for name in ["s", "t", "u", "y"] {
            let layer = try #require(statistics.layers[name])
            // These layers are float layers: on the float model's inputs nothing differs.
            #expect(layer.own.error.isZero, "\(name): \(layer.own.signalToNoiseDecibels)")
            #expect(!layer.total.error.isZero, "\(name)")
        }
    }

    @Test func channelsCountedFromTheEndClampToo() throws {
        let float = Self.float()
        var quantized = Self.quantized(float, sharesIntegers: true)
        quantized.initializers["scale"] = Tensor(shape: [3], elements: [Float(0.001), 1, 1])
        quantized.initializers["zero"] = Tensor(shape: [3], elements: [UInt8(128), 128, 128])
        for index in quantized.nodes.indices {
            switch quantized.nodes[index].op {
            case .quantizeLinear: quantized.nodes[index].op = .quantizeLinear(QuantizeLinearAttributes(axis: -1))
            case .dequantizeLinear: quantized.nodes[index].op = .dequantizeLinear(DequantizeLinearAttributes(axis: -1))
            default: break
            }
        }
        let pair = try ModelPair(float: float, quantized: quantized)
        let limits = try #require(pair.layers[0].quantizers.first)
        let tensor = Tensor(shape: [2, 3], elements: [Float(0.5), 0.5, 0.5, -0.5, 200, .nan])
        #expect(limits.saturatedCount(in: tensor) == 3)
        #expect(limits.saturatedCount(in: Tensor(zeros: [3, 2], elementType: .float32)) == nil)
        #expect(limits.saturatedCount(in: Tensor(zeros: [], elementType: .float32)) == nil)
    }
}
