import Conversion
import Execution
import Graphs
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// Operators that are younger than a file's opset are written out; reading and fusing gives them back.
@Suite struct OperatorExpansionTests {
    private static let operators: [(op: Operator, opset: Int)] = [
        (.unary(.gelu(tanhApproximation: false)), 20), (.unary(.gelu(tanhApproximation: true)), 20),
        (.unary(.hardSwish), 14), (.element(.swish(alpha: 1)), 24), (.element(.swish(alpha: 1.702)), 24),
        (.layerNormalization(LayerNormalizationAttributes(axis: -1, epsilon: 1e-6)), 17),
        (.layerNormalization(LayerNormalizationAttributes(axis: -2, epsilon: 1e-6)), 17),
    ]

    private func graph(_ op: Operator, type: ElementType = .float32) -> Graph {
        var generator = SeededGenerator(seed: 3)
        var graph = Graph(
            name: "test", inputs: [.init(name: "x", type: TensorType(elementType: type, shape: [2, 3, 4]))],
            outputs: [.init(name: "y", type: TensorType(elementType: type, dimensions: nil))], nodes: [],
            sourceOpset: 13)
        var inputs = ["x"]
        if case .layerNormalization(let attributes) = op {
            let shape: Shape = attributes.axis == -1 ? [4] : [3, 4]
            for name in ["scale", "shift"] {
                graph.initializers[name] = Tensor(
                    shape: shape, elements: (0..<shape.elementCount).map { _ in generator.normal() })
                inputs.append(name)
            }
        }
        graph.nodes = [Node(name: "n", op: op, inputs: inputs, outputs: ["y"])]
        return graph
    }

    @Test(arguments: operators.indices) func youngOperatorsAreWrittenOut(index: Int) throws {
        let (op, opset) = Self.operators[index]
        let graph = graph(op)
        let old = try ONNXModel.load(from: ONNXModel.serialize(graph), baseDirectory: nil).graph
        #expect(old.sourceOpset == 13 && old.nodes.count > 1 && old.nodes.last?.name == "n")
        #expect(!old.nodes.contains { $0.op == op })
        var generator = SeededGenerator(seed: 4)
        let x = Tensor(shape: [2, 3, 4], elements: (0..<24).map { _ in generator.normal() * 2 })
        let (one, other) = (
            try #require(ReferenceExecutor(graph).run(["x": x])["y"]),
            try #require(ReferenceExecutor(old).run(["x": x])["y"])
        )
        for (a, b) in zip(one.elements(as: Float.self), other.elements(as: Float.self)) {
            #expect(abs(a - b) <= 2e-6 * max(1, abs(a)))
        }
        let fused = try PreparedGraph(old).graph
        #expect(fused.nodes.map(\.op.name) == [op.name] && fused.nodes[0].inputs.count == graph.nodes[0].inputs.count)
        let young = try ONNXModel.serialize(graph, options: ONNXExportOptions(minimumOpset: min(opset, 21)))
        if opset <= 21 {
            #expect(try ONNXModel.load(from: young, baseDirectory: nil).graph.nodes == graph.nodes)
        }
    }

    @Test func constantsHaveTheTypeOfTheData() throws {
        let graph = graph(.unary(.gelu(tanhApproximation: true)), type: .float16)
        let old = try ONNXModel.load(from: ONNXModel.serialize(graph), baseDirectory: nil).graph
        #expect(!old.initializers.isEmpty && old.initializers.values.allSatisfy { $0.elementType == .float16 })
        #expect(try PreparedGraph(old).graph.nodes.map(\.op.name) == ["Gelu"])
    }
}
