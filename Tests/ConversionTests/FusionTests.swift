import Conversion
import Execution
import Graphs
import Tensors
import TestSupport
import Testing

/// Operators that exporters write out become one node; what is none, or what somebody else reads, stays as it is.
@Suite struct FusionTests {
    private static func scalar(_ builder: inout GraphBuilder, _ value: Float) -> String {
        builder.constant("c\(builder.graph.initializers.count)", [], [value])
    }

    /// Ways to write an activation of x into y, by name.
    private static let activations: [(name: String, op: Operator, write: @Sendable (inout GraphBuilder) -> Void)] = [
        (
            "PyTorch's GELU", .unary(.gelu(tanhApproximation: false)),
            { builder in
                builder.node(.binary(.divide), ["x", scalar(&builder, 1.4142135)], ["s"])
                builder.node(.unary(.erf), ["s"], ["e"])
                builder.node(.binary(.add), ["e", scalar(&builder, 1)], ["a"])
                builder.node(.binary(.multiply), ["x", "a"], ["m"])
                builder.node(.binary(.multiply), ["m", scalar(&builder, 0.5)], ["y"])
            }
        ),
        (
            "GELU with x / 2 beside", .unary(.gelu(tanhApproximation: false)),
            { builder in
                builder.node(.binary(.multiply), ["x", scalar(&builder, 0.70710678)], ["s"])
                builder.node(.binary(.multiply), [scalar(&builder, 0.5), "x"], ["h"])
                builder.node(.unary(.erf), ["s"], ["e"])
                builder.node(.binary(.add), [scalar(&builder, 1), "e"], ["a"])
                builder.node(.binary(.multiply), ["a", "h"], ["y"])
            }
        ),
        (
            "GPT's GELU", .unary(.gelu(tanhApproximation: true)),
            { builder in
                builder.node(.binary(.multiply), ["x", scalar(&builder, 0.5)], ["h"])
                builder.node(.binary(.power), ["x", scalar(&builder, 3)], ["p"])
                builder.node(.binary(.multiply), ["p", scalar(&builder, 0.044715)], ["q"])
                builder.node(.binary(.add), ["x", "q"], ["r"])
                builder.node(.binary(.multiply), ["r", scalar(&builder, 0.7978845608)], ["s"])
                builder.node(.unary(.tanh), ["s"], ["t"])
                builder.node(.binary(.add), ["t", scalar(&builder, 1)], ["a"])
                builder.node(.binary(.multiply), ["h", "a"], ["y"])
            }
        ),
        (
            "the fast GELU", .unary(.gelu(tanhApproximation: true)),
            { builder in
                builder.node(.binary(.multiply), ["x", "x"], ["p"])
                builder.node(.binary(.multiply), ["p", scalar(&builder, 0.044715)], ["q"])
                builder.node(.binary(.add), [scalar(&builder, 1), "q"], ["r"])
                builder.node(.binary(.multiply), ["x", scalar(&builder, 0.7978845608)], ["u"])
                builder.node(.binary(.multiply), ["u", "r"], ["s"])
                builder.node(.unary(.tanh), ["s"], ["t"])
                builder.node(.binary(.add), [scalar(&builder, 1), "t"], ["a"])
                builder.node(.binary(.multiply), ["x", "a"], ["m"])
                builder.node(.binary(.multiply), ["m", scalar(&builder, 0.5)], ["y"])
            }
        ),
        (
            "SiLU", .element(.swish(alpha: 1)),
            { builder in
                builder.node(.unary(.sigmoid), ["x"], ["s"])
                builder.node(.binary(.multiply), ["x", "s"], ["y"])
            }
        ),
        (
            "the quick GELU", .element(.swish(alpha: 1.702)),
            { builder in
                builder.node(.binary(.multiply), ["x", scalar(&builder, 1.702)], ["u"])
                builder.node(.unary(.sigmoid), ["u"], ["s"])
                builder.node(.binary(.multiply), ["s", "x"], ["y"])
            }
        ),
        (
            "HardSwish of ReLU6", .unary(.hardSwish),
            { builder in
                builder.node(.binary(.add), ["x", scalar(&builder, 3)], ["a"])
                builder.node(.clip, ["a", scalar(&builder, 0), scalar(&builder, 6)], ["c"])
                builder.node(.binary(.multiply), ["x", "c"], ["m"])
                builder.node(.binary(.divide), ["m", scalar(&builder, 6)], ["y"])
            }
        ),
        (
            "HardSwish whose gate is divided", .unary(.hardSwish),
            { builder in
                builder.node(.binary(.add), ["x", scalar(&builder, 3)], ["a"])
                builder.node(.clip, ["a", scalar(&builder, 0), scalar(&builder, 6)], ["c"])
                builder.node(.binary(.divide), ["c", scalar(&builder, 6)], ["g"])
                builder.node(.binary(.multiply), ["g", "x"], ["y"])
            }
        ),
        (
            "HardSwish of HardSigmoid", .unary(.hardSwish),
            { builder in
                builder.node(.unary(.hardSigmoid(alpha: 1.0 / 6, beta: 0.5)), ["x"], ["s"])
                builder.node(.binary(.multiply), ["x", "s"], ["y"])
            }
        ),
    ]

    /// Results of the graph on seeded noise of some size.
    private func outputs(_ graph: Graph, _ shape: Shape) throws -> [Double] {
        var generator = SeededGenerator(seed: 5)
        let x = Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in generator.normal() * 3 })
        let y = try ReferenceExecutor(graph).run(["x": x])["y"]
        return try #require(y).elements(as: Float.self).map(Double.init)
    }

    @Test(arguments: activations.indices) func activationsBecomeOneNode(index: Int) throws {
        let activation = Self.activations[index]
        var builder = GraphBuilder()
        activation.write(&builder)
        let graph = builder.build(outputs: ["y"])
        let prepared = try PreparedGraph(graph)
        #expect(prepared.graph.nodes.count == 1, "\(activation.name)")
        let node = try #require(prepared.graph.nodes.first)
        #expect(node.name == "y_node" && node.inputs == ["x"])
        if case .element(.swish(let alpha)) = activation.op, case .element(.swish(let found)) = node.op {
            #expect(abs(alpha - found) < 1e-6)
        } else {
            #expect(node.op == activation.op, "\(activation.name)")
        }
        let fused = prepared.rewrites.filter { $0.action == .folded(into: "y_node") }
        #expect(fused.count == graph.nodes.count - 1)
        #expect(try PreparedGraph(graph, fusesOperators: false).graph.nodes.count == graph.nodes.count)
        let (wanted, actual) = (try outputs(graph, [1, 2, 4, 4]), try outputs(prepared.graph, [1, 2, 4, 4]))
        #expect(actual.count == wanted.count)
        for (one, other) in zip(wanted, actual) {
            #expect(abs(one - other) <= 1e-5 * max(1, abs(one)), "\(activation.name)")
        }
    }

    @Test(arguments: activations.indices) func whatIsReadElsewhereIsNotFused(index: Int) throws {
        var builder = GraphBuilder()
        Self.activations[index].write(&builder)
        let middle = try #require(builder.graph.nodes.dropLast().last?.outputs[0])
        let graph = builder.build(outputs: ["y", middle])
        #expect(try PreparedGraph(graph).graph.nodes.count == graph.nodes.count)
    }

    @Test func anotherConstantIsAnotherFunction() throws {
        for (value, half) in [(Float(1.5), Float(0.5)), (1.4142135, 0.4)] {
            var builder = GraphBuilder()
            builder.node(.binary(.divide), ["x", Self.scalar(&builder, value)], ["s"])
            builder.node(.unary(.erf), ["s"], ["e"])
            builder.node(.binary(.add), ["e", Self.scalar(&builder, 1)], ["a"])
            builder.node(.binary(.multiply), ["x", "a"], ["m"])
            builder.node(.binary(.multiply), ["m", Self.scalar(&builder, half)], ["y"])
            #expect(try PreparedGraph(builder.build(outputs: ["y"])).graph.nodes.count == 5)
        }
        // A gate of another value than the one that it multiplies.
        var builder = GraphBuilder()
        builder.node(.unary(.relu), ["x"], ["r"])
        builder.node(.unary(.sigmoid), ["r"], ["s"])
        builder.node(.binary(.multiply), ["x", "s"], ["y"])
        #expect(try PreparedGraph(builder.build(outputs: ["y"])).graph.operatorNames == ["Relu", "Sigmoid", "Mul"])
    }

    // MARK: Normalizations

    private enum Form: CaseIterable { case power, product, twoDifferences, reciprocal, withoutParameters }

    private func normalization(_ form: Form, axes: [Int64] = [-1]) -> Graph {
        var builder = GraphBuilder(input: [2, 3, 8])
        let list = builder.constant("axes", [axes.count], axes)
        let mean = Operator.reduce(ReductionAttributes(function: .mean))
        builder.node(mean, ["x", list], ["m"])
        builder.node(.binary(.subtract), ["x", "m"], ["d"])
        var other = "d"
        if form == .twoDifferences { other = builder.node(.binary(.subtract), ["x", "m"], ["d2"]) }
        if form == .product {
            builder.node(.binary(.multiply), [other, other], ["p"])
        } else {
            builder.node(.binary(.power), [other, Self.scalar(&builder, 2)], ["p"])
        }
        builder.node(mean, ["p", list], ["v"])
        builder.node(.binary(.add), ["v", Self.scalar(&builder, 1e-5)], ["e"])
        builder.node(.unary(.sqrt), ["e"], ["r"])
        if form == .reciprocal {
            builder.node(.unary(.reciprocal), ["r"], ["i"])
            builder.node(.binary(.multiply), ["d", "i"], ["n"])
        } else {
            builder.node(.binary(.divide), ["d", "r"], ["n"])
        }
        if form == .withoutParameters {
            builder.node(.unary(.relu), ["n"], ["y"])
        } else {
            builder.node(.binary(.multiply), ["n", builder.constant("scale", [8])], ["w"])
            builder.node(.binary(.add), ["w", builder.constant("shift", [8])], ["y"])
        }
        return builder.build(outputs: ["y"])
    }

    @Test(arguments: Form.allCases) private func normalizationsBecomeOneNode(form: Form) throws {
        let graph = normalization(form)
        let prepared = try PreparedGraph(graph).graph
        let expected = form == .withoutParameters ? ["LayerNormalization", "Relu"] : ["LayerNormalization"]
        #expect(prepared.operatorNames == expected)
        #expect(
            prepared.nodes[0].op == .layerNormalization(LayerNormalizationAttributes(axis: -1, epsilon: 1e-5)))
        let (wanted, actual) = (try outputs(graph, [2, 3, 8]), try outputs(prepared, [2, 3, 8]))
        #expect(actual.count == wanted.count)
        for (one, other) in zip(wanted, actual) {
            #expect(abs(one - other) <= 2e-5 * max(1, abs(one)))
        }
    }

    /// An epsilon or exponent of shape [1, 1, 1, 1] makes the result of data of rank 3 one of rank 4.
    @Test(arguments: [2, 1e-5] as [Float]) func normalizationsThatChangeTheRankStay(constant: Float) throws {
        var graph = normalization(.power)
        let names = graph.initializers.filter {
            $0.value.elementType == .float32 && $0.value.elements(as: Float.self) == [constant]
        }.map(\.key)
        #expect(names.count == 1)
        for name in names { graph.initializers[name] = Tensor(shape: [1, 1, 1, 1], elements: [constant]) }
        #expect(try PreparedGraph(graph).graph.nodes.count == graph.nodes.count)
    }

    @Test func aMeanOverOtherAxesIsNoLayerNormalization() throws {
        let graph = normalization(.power, axes: [1])
        #expect(try PreparedGraph(graph).graph.nodes.count == graph.nodes.count)
    }
}
