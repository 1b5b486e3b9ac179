import Execution
import Graphs
import Tensors
import TestSupport
import Testing

/// Outputs in memory that is used again: never while somebody holds them.
@Suite struct OutputMemoryTests {
    /// A convolution with its raw and its clamped result, channels first, and large enough to run image by image.
    private static func graph() -> Graph {
        var generator = SeededGenerator(seed: 12)
        func value(_ name: String) -> Graph.Value {
            Graph.Value(name: name, type: TensorType(elementType: .float32, dimensions: nil))
        }
        return Graph(
            name: "outputs",
            inputs: [
                .init(
                    name: "x",
                    type: TensorType(
                        elementType: .float32, dimensions: [.symbol("N"), .fixed(3), .fixed(64), .fixed(64)]))
            ], outputs: [value("c"), value("r"), value("f"), value("k")],
            initializers: [
                "w": Tensor(shape: [8, 3, 3, 3], elements: (0..<216).map { _ in generator.normal() }),
                "k0": Tensor(shape: [2], elements: [Float(1), 2]),
            ],
            nodes: [
                Node(name: "conv", op: .convolution(ConvolutionAttributes()), inputs: ["x", "w"], outputs: ["c"]),
                Node(name: "relu", op: .unary(.relu), inputs: ["c"], outputs: ["r"]),
                Node(name: "flat", op: .flatten(axis: 1), inputs: ["r"], outputs: ["f"]),
                Node(name: "constant", op: .unary(.negate), inputs: ["k0"], outputs: ["k"]),
            ])
    }

    private static func input(_ count: Int, seed: UInt64) -> [String: Tensor] {
        var generator = SeededGenerator(seed: seed)
        let shape: Shape = [count, 3, 64, 64]
        return ["x": Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in generator.normal() })]
    }

    @Test(arguments: [false, true]) func tensorsThatAreHeldKeepTheirElements(hasConstant: Bool) throws {
        var graph = Self.graph()
        // With a constant among the outputs a batch runs as a whole.
        if !hasConstant { graph.outputs.removeLast() }
        let memory = OutputMemory()
        let executors = [
            try AcceleratedExecutor(graph, outputs: memory), try AcceleratedExecutor(graph, outputs: memory),
        ]
        let plain = try AcceleratedExecutor(graph)
        var held: [(results: [String: Tensor], expected: [String: Tensor])] = []
        for round in 0..<12 {
            // Sizes change, so that blocks fit now and then.
            let inputs = Self.input(round % 3 == 2 ? 1 : 4, seed: UInt64(round))
            let results = try executors[round % 2].run(inputs)
            let expected = try plain.run(inputs)
            #expect(results == expected, "round \(round)")
            if round % 4 == 0 { held.append((results, expected)) }
        }
        for (results, expected) in held { #expect(results == expected) }
    }

    @Test func memoryIsUsedAgainAndLetGo() throws {
        let memory = OutputMemory()
        let executor = try AcceleratedExecutor(Self.graph(), outputs: memory)
        let inputs = Self.input(4, seed: 1)
        var results = try executor.run(inputs)
        let once = memory.byteCount
        #expect(once > 0)
        results = [:]
        results = try executor.run(inputs)
        #expect(memory.byteCount == once)
        // Changing a tensor makes a copy, and the next run finds the old memory.
        results["c"]?.withMutableElements(as: Float.self) { $0[0] = 7 }
        let changed = try #require(results["c"])
        results = try executor.run(inputs)
        #expect(changed.elements(as: Float.self)[0] == 7 && results["c"] != changed)
        #expect(memory.byteCount <= 2 * once)
        results = [:]
        for _ in 0..<20 { _ = try executor.run(Self.input(1, seed: 2)) }
        #expect(memory.byteCount < once)
    }
}
