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
                let values = (0..<shape.elementCount).map { _ in generator.normal() }
                graph.initializers[name] =
                    type == .float16
                    ? Tensor(shape: shape, elements: values.map { Float16($0) })
                    : Tensor(shape: shape, elements: values)
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
        #expect(one.shape == other.shape)
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

    /// In float16 an epsilon of 1e-12 is 0, and the squares of numbers above 256 are infinite.
    @Test(arguments: [Float16(3), 1000]) func normalizationsOfHalfPrecisionAreWrittenOutInSinglePrecision(
        magnitude: Float16
    ) throws {
        let graph = graph(
            .layerNormalization(LayerNormalizationAttributes(axis: -1, epsilon: 1e-12)), type: .float16)
        let old = try ONNXModel.load(from: ONNXModel.serialize(graph), baseDirectory: nil).graph
        #expect(old.nodes.count > 1)
        var elements = (0..<24).map { Float16($0 % 5) * magnitude }
        // A row of equal elements is 0 before the shift.
        for index in 0..<4 { elements[index] = magnitude }
        let x = Tensor(shape: [2, 3, 4], elements: elements)
        let (one, other) = (
            try #require(ReferenceExecutor(graph).run(["x": x])["y"]).elements(as: Float16.self),
            try #require(ReferenceExecutor(old).run(["x": x])["y"]).elements(as: Float16.self)
        )
        #expect(one.count == other.count)
        for (a, b) in zip(one, other) { #expect(abs(a - b) <= 4e-3 * max(1, abs(a)), "\(magnitude)") }
    }

    @Test func constantsHaveTheTypeOfTheData() throws {
        let graph = graph(.unary(.gelu(tanhApproximation: true)), type: .float16)
        let old = try ONNXModel.load(from: ONNXModel.serialize(graph), baseDirectory: nil).graph
        #expect(!old.initializers.isEmpty && old.initializers.values.allSatisfy { $0.elementType == .float16 })
        #expect(try PreparedGraph(old).graph.nodes.map(\.op.name) == ["Cast", "Gelu", "Cast"])
    }
}
