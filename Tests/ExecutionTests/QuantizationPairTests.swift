import Execution
import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

/// QuantizeLinear with DequantizeLinear in one step: the bits of the reference kernels, whatever the scales and layouts.
@Suite struct QuantizationPairTests {
    private static let types: [ElementType] = [.int8, .uint8, .int16, .uint16]

    /// A pair and a reader of it; with luck behind a convolution, so that channels are innermost, whose result is returned too, so that
    /// it must not be overwritten.
    private static func graph(seed: UInt64, generator: inout SeededGenerator) -> Graph {
        let channels = 1 + Int(generator.next() % 20)
        let type = types[Int(generator.next() % 4)]
        let count = generator.next() % 2 == 0 ? 1 : channels
        let shape: Shape = count == 1 && generator.next() % 2 == 0 ? [] : Shape([count])
        let scales = Tensor(
            shape: shape,
            elements: (0..<count).map { _ in abs(generator.normal()) * (type.byteCount == 1 ? 0.05 : 2e-4) })
        let bits = (0..<count).map { _ in generator.next() }
        let zeroPoints =
            switch type {
            case .int8: Tensor(shape: shape, elements: bits.map { Int8(truncatingIfNeeded: $0) })
            case .uint8: Tensor(shape: shape, elements: bits.map { UInt8(truncatingIfNeeded: $0) })
            case .int16: Tensor(shape: shape, elements: bits.map { Int16(truncatingIfNeeded: $0) })
            default: Tensor(shape: shape, elements: bits.map { UInt16(truncatingIfNeeded: $0) })
            }
        let axis = generator.next() % 2 == 0 ? 1 : -3
        let hasZeroPoint = type == .uint8 ? generator.next() % 2 == 0 : true
        let convolves = generator.next() % 2 == 0
        let keepsSource = convolves && generator.next() % 3 == 0
        let returnsIntegers = seed % 7 == 0
        let raw = convolves ? "c" : "x"
        let parameters = ["s"] + (hasZeroPoint ? ["z"] : [])
        var nodes = [
            Node(
                name: "q", op: .quantizeLinear(QuantizeLinearAttributes(axis: axis)), inputs: [raw] + parameters,
                outputs: ["i"]),
            Node(
                name: "d", op: .dequantizeLinear(DequantizeLinearAttributes(axis: axis)), inputs: ["i"] + parameters,
                outputs: ["y"]),
            Node(name: "n", op: .unary(.absolute), inputs: ["y"], outputs: ["m"]),
        ]
        if convolves {
            nodes.insert(
                Node(name: "conv", op: .convolution(ConvolutionAttributes()), inputs: ["x", "w"], outputs: ["c"]), at: 0
            )
        }
        func value(_ name: String, _ type: ElementType = .float32) -> Graph.Value {
            Graph.Value(name: name, type: TensorType(elementType: type, dimensions: nil))
        }
        return Graph(
            name: "pair", inputs: [value("x")],
            outputs: [value("y"), value("m")] + (keepsSource ? [value("c")] : [])
                + (returnsIntegers ? [value("i", type)] : []),
            initializers: [
                "s": scales, "z": zeroPoints,
                // One weight for each channel: the convolution moves and scales, and keeps what is not finite.
                "w": Tensor(
                    shape: [channels, channels, 1, 1],
                    elements: (0..<channels * channels).map { $0 % (channels + 1) == 0 ? 1 : 0 } as [Float]),
            ], nodes: nodes)
    }

    @Test(arguments: 0..<150) func hasTheBitsOfTheReferenceKernels(seed: UInt64) throws {
        var generator = SeededGenerator(seed: 400 + seed)
        let graph = Self.graph(seed: seed, generator: &generator)
        let channels = try #require(graph.initializers["w"]).shape[0]
        let convolves = graph.nodes[0].name == "conv"
        let images = 1 + Int(generator.next() % 3)
        let special: [Float] =
            convolves ? [1e6, -1e6] : [.nan, .infinity, -.infinity, -0.0, 3e38, .leastNonzeroMagnitude]
        let shape: Shape = [images, channels, 3, 5]
        let input = Tensor(
            shape: shape,
            elements: (0..<shape.elementCount).map { _ in
                generator.next() % 12 == 0 ? special[Int(generator.next() % UInt64(special.count))] : generator.normal()
            })
        let expected = try ReferenceExecutor(graph).run(["x": input], tap: nil)
        let executor = try AcceleratedExecutor(graph)
        let timer = StepTimer()
        for _ in 0..<2 {
            let results = try executor.run(["x": input], tap: nil, timer: timer)
            for name in expected.keys.sorted() { #expect(results[name] == expected[name], "seed \(seed), \(name)") }
        }
        let isFused = timer.entries.contains { $0.implementation == "round" }
        #expect(isFused == !graph.outputs.contains { $0.name == "i" }, "seed \(seed)")
    }

    @Test func pairsWithDifferentParametersAreComputedAsTheyStand() throws {
        var generator = SeededGenerator(seed: 5)
        for change in ["scale", "zero point", "axis", "observed"] {
            let scales = Tensor(shape: [2], elements: [Float(0.1), 0.2])
            var graph = Graph(
                name: "pair",
                inputs: [.init(name: "x", type: TensorType(elementType: .float32, dimensions: nil))],
                outputs: [.init(name: "y", type: TensorType(elementType: .float32, dimensions: nil))],
                initializers: [
                    "s": scales, "t": Tensor(shape: [2], elements: [Float(0.1), 0.3]),
                    "z": Tensor(shape: [2], elements: [UInt8(1), 2]), "v": Tensor(shape: [2], elements: [UInt8(1), 3]),
                ],
                nodes: [
                    Node(
                        name: "q", op: .quantizeLinear(QuantizeLinearAttributes(axis: 1)), inputs: ["x", "s", "z"],
                        outputs: ["i"]),
                    Node(
                        name: "d",
                        op: .dequantizeLinear(DequantizeLinearAttributes(axis: change == "axis" ? 2 : 1)),
                        inputs: ["i", change == "scale" ? "t" : "s", change == "zero point" ? "v" : "z"],
                        outputs: ["y"]),
                ])
            if change == "observed" {
                graph.outputs.append(.init(name: "i", type: TensorType(elementType: .uint8, dimensions: nil)))
            }
            let input = Tensor(shape: [3, 2, 2], elements: (0..<12).map { _ in generator.normal() })
            let timer = StepTimer()
            let results = try AcceleratedExecutor(graph).run(["x": input], tap: nil, timer: timer)
            #expect(try results == ReferenceExecutor(graph).run(["x": input], tap: nil), "\(change)")
            #expect(!timer.entries.contains { $0.implementation == "round" }, "\(change)")
        }
    }
}
