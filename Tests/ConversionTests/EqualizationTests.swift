import Conversion
import Execution
import Graphs
import Tensors
import TestSupport
import Testing

/// Cross-layer equalization: the same function, with channels of like ranges.
@Suite struct EqualizationTests {
    /// A convolution, a depthwise one, a grouped one and a linear layer, with channels of very different sizes.
    private struct Mobile {
        let graph: Graph
        let inputs: [String: Tensor]

        /// `upper` is the bound of the two `Clip` nodes; ReLU stands in their place without one.
        init(seed: UInt64, upper: Float? = nil, transposeB: Bool = true) {
            var random = SeededGenerator(seed: seed)
            func tensor(_ shape: Shape, channels: [Float] = [1]) -> Tensor {
                let inner = shape.elementCount / channels.count
                return Tensor(
                    shape: shape, elements: (0..<shape.elementCount).map { random.normal() * channels[$0 / inner] })
            }
            func sizes(_ count: Int) -> [Float] { (0..<count).map { _ in Float(1 << (random.next() % 8)) / 16 } }
            var initializers: [String: Tensor] = [
                "w1": tensor([8, 2, 3, 3], channels: sizes(8)), "b1": tensor([8]),
                "scale": tensor([8], channels: sizes(8)), "shift": tensor([8]), "mean": tensor([8]),
                "variance": Tensor(shape: [8], elements: (0..<8).map { _ in abs(random.normal()) + 0.1 }),
                "w2": tensor([8, 1, 3, 3], channels: sizes(8)), "b2": tensor([8]),
                "w3": tensor([6, 4, 1, 1], channels: sizes(6)), "fc": tensor(transposeB ? [5, 6] : [6, 5]),
            ]
            initializers["lower"] = Tensor(scalar: Float(0))
            initializers["upper"] = Tensor(scalar: upper ?? 0)
            func rectifier(_ input: String, _ output: String) -> Node {
                upper == nil
                    ? Node(name: output, op: .unary(.relu), inputs: [input], outputs: [output])
                    : Node(name: output, op: .clip, inputs: [input, "lower", "upper"], outputs: [output])
            }
            func convolution(_ groups: Int, padding: Int) -> Operator {
                .convolution(
                    ConvolutionAttributes(
                        padding: .explicit(before: [padding, padding], after: [padding, padding]), groups: groups))
            }
            graph = Graph(
                name: "mobile",
                inputs: [.init(name: "x", type: TensorType(elementType: .float32, dimensions: nil))],
                outputs: [.init(name: "y", type: TensorType(elementType: .float32, dimensions: nil))],
                initializers: initializers,
                nodes: [
                    Node(name: "first", op: convolution(1, padding: 1), inputs: ["x", "w1", "b1"], outputs: ["a"]),
                    Node(
                        name: "norm", op: .batchNormalization(BatchNormalizationAttributes()),
                        inputs: ["a", "scale", "shift", "mean", "variance"], outputs: ["b"]),
                    rectifier("b", "c"),
                    Node(name: "depthwise", op: convolution(8, padding: 1), inputs: ["c", "w2", "b2"], outputs: ["d"]),
                    rectifier("d", "e"),
                    Node(name: "grouped", op: convolution(2, padding: 0), inputs: ["e", "w3"], outputs: ["f"]),
                    Node(name: "pool", op: .globalAveragePool, inputs: ["f"], outputs: ["g"]),
                    Node(name: "flat", op: .flatten(axis: 1), inputs: ["g"], outputs: ["h"]),
                    Node(
                        name: "linear", op: .gemm(GemmAttributes(transposeB: transposeB)), inputs: ["h", "fc"],
                        outputs: ["y"]),
                ])
            inputs = ["x": tensor([4, 2, 6, 6])]
        }

        func run(_ graph: Graph) throws -> Tensor? { try ReferenceExecutor(graph).run(inputs, tap: nil)["y"] }

        /// The largest elements of the values that are cut off.
        func largest(_ names: [String]) throws -> [String: [Float]] {
            var observed = graph
            observed.outputs += names.map {
                .init(name: $0, type: TensorType(elementType: .float32, dimensions: nil))
            }
            return try ReferenceExecutor(observed).run(inputs, tap: nil).filter { names.contains($0.key) }
                .mapValues { tensor in
                    let elements = tensor.elements(as: Float.self)
                    let inner = tensor.shape[2] * tensor.shape[3]
                    return (0..<tensor.shape[1]).map { channel in
                        elements.indices.filter { $0 / inner % tensor.shape[1] == channel }.map { elements[$0] }.max()
                            ?? 0
                    }
                }
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64], [true, false])
    func theFunctionKeepsItsBitsAndTheRangesMeet(seed: UInt64, transposeB: Bool) throws {
        let mobile = Mobile(seed: seed, transposeB: transposeB)
        let equalization = CrossLayerEqualization(mobile.graph)
        #expect(equalization.boundedValues.isEmpty)
        let (graph, pairs) = try equalization.equalized(largest: [:])
        #expect(
            pairs.map { "\($0.first) \($0.second)" } == ["first depthwise", "depthwise grouped", "grouped linear"])
        #expect(try mobile.run(graph) == mobile.run(mobile.graph), "seed \(seed)")
        #expect(graph.initializers != mobile.graph.initializers)
        // The depthwise layer has neighbours on both sides, so that one of them may keep a spread.
        func spreads(_ spread: KeyPath<CrossLayerEqualization.PairReport, Float>) -> Float {
            pairs.reduce(1) { $0 * $1[keyPath: spread] }
        }
        #expect(spreads(\.spreadAfter) < spreads(\.spreadBefore) / 8, "seed \(seed): \(pairs)")
        // Nothing is left to do.
        let again = try CrossLayerEqualization(graph).equalized(largest: [:])
        #expect(again.graph.initializers == graph.initializers, "seed \(seed)")
    }

    @Test(arguments: [11, 12, 13, 14] as [UInt64]) func whatIsCutOffStaysCutOff(seed: UInt64) throws {
        let mobile = Mobile(seed: seed, upper: 6)
        let equalization = CrossLayerEqualization(mobile.graph)
        #expect(equalization.boundedValues == ["c", "e"])
        let largest = try mobile.largest(equalization.boundedValues)
        let (graph, _) = try equalization.equalized(largest: largest)
        #expect(try mobile.run(graph) == mobile.run(mobile.graph), "seed \(seed)")
        // A channel that reaches the bound keeps its factor.
        let kept = try #require(largest["c"]).indices.filter { largest["c"]?[$0] == 6 }
        let scales = [mobile.graph, graph].compactMap { $0.initializers["scale"]?.elements(as: Float.self) }
        #expect(!kept.isEmpty && kept.allSatisfy { scales[0][$0] == scales[1][$0] }, "seed \(seed)")
        #expect(scales[0] != scales[1], "seed \(seed): nothing was equalized")
        #expect(throws: ConversionError.missingParameters(tensor: "c", node: "first")) {
            _ = try equalization.equalized(largest: ["e": [1]])
        }
    }

    @Test func layersWithOtherReadersAreLeftAlone() throws {
        var mobile = Mobile(seed: 21).graph
        // A second reader of the channels, and weights that two layers share.
        mobile.outputs.append(.init(name: "c", type: TensorType(elementType: .float32, dimensions: nil)))
        mobile.nodes.append(
            Node(name: "other", op: mobile.nodes[5].op, inputs: ["e2", "w3"], outputs: ["z"]))
        mobile.nodes.append(Node(name: "e2", op: .unary(.relu), inputs: ["e"], outputs: ["e2"]))
        #expect(try CrossLayerEqualization(mobile).equalized(largest: [:]).pairs.isEmpty)
    }

    /// Two linear layers over 2 rows of 3 features, the first with a bias of this shape.
    private func linearLayers(bias: Shape, transposeB: Bool) -> (graph: Graph, inputs: [String: Tensor]) {
        var builder = GraphBuilder(input: [2, 3], seed: 31)
        let attributes = GemmAttributes(transposeB: transposeB)
        let weights: [Float] = (0..<12).map { Float($0 + 1) * ($0 % 4 == 0 ? 16 : 1) }
        let first = builder.node(
            .gemm(attributes),
            ["x", builder.constant("w", transposeB ? [4, 3] : [3, 4], weights), builder.constant("b", bias)], ["a"])
        let middle = builder.node(.unary(.relu), [first], ["r"])
        let last = builder.node(
            .gemm(attributes), [middle, builder.constant("v", transposeB ? [5, 4] : [4, 5])], ["y"])
        let elements: [Float] = [1, -2, 3, 0.5, 2, -1]
        return (builder.build(outputs: [last]), ["x": Tensor(shape: [2, 3], elements: elements)])
    }

    @Test(arguments: [[4], [1, 4], [1], [], [1, 1], [2, 1], [2, 4]] as [Shape], [true, false])
    func aBiasThatIsNotOneOfEachChannelKeepsItsFunction(bias: Shape, transposeB: Bool) throws {
        let (graph, inputs) = linearLayers(bias: bias, transposeB: transposeB)
        let (equalized, pairs) = try CrossLayerEqualization(graph).equalized(largest: [:])
        #expect(pairs.count == (bias.dimensions.last == 4 && bias.elementCount == 4 ? 1 : 0))
        #expect((equalized.initializers != graph.initializers) == !pairs.isEmpty)
        let outputs = try [graph, equalized].map { try ReferenceExecutor($0).run(inputs, tap: nil)["y"] }
        #expect(outputs[0] != nil && outputs[0] == outputs[1])
    }
}
