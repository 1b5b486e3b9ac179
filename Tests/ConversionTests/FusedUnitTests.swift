import Conversion
import Graphs
import Quantization
import Tensors
import TestSupport
import Testing

/// What a runtime computes as one unit has no quantized value inside.
@Suite struct FusedUnitTests {
    /// Two groups of channels change places, as PyTorch writes it: for a fixed batch with constants, otherwise with the extents of the value.
    private static func shuffle(_ builder: inout GraphBuilder, _ input: String, _ output: String, isDynamic: Bool) {
        let (split, merged): (String, String)
        if isDynamic {
            builder.node(.shape(start: 0, end: nil), [input], ["extents"])
            let zero = builder.constant("zero", [1], [Int64(0)])
            builder.node(.gather(axis: 0), ["extents", zero], ["batch"])
            let inner = builder.constant("inner", [4], [Int64(2), 2, 4, 4])
            split = builder.node(.concat(axis: 0), ["batch", inner], ["split"])
            let flat = builder.constant("flat", [3], [Int64(-1), 4, 4])
            merged = builder.node(.concat(axis: 0), ["batch", flat], ["merged"])
        } else {
            split = builder.constant("split", [5], [Int64(1), 2, 2, 4, 4])
            merged = builder.constant("merged", [4], [Int64(1), 4, 4, 4])
        }
        builder.node(.reshape(allowZero: false), [input, split], ["grouped"])
        builder.node(.transpose(permutation: [0, 2, 1, 3, 4]), ["grouped"], ["swapped"])
        builder.node(.reshape(allowZero: false), ["swapped", merged], [output])
    }

    @Test(arguments: [false, true]) func aChannelShuffleOnlyMovesIntegers(isDynamic: Bool) throws {
        var builder = GraphBuilder(input: [isDynamic ? .symbol("N") : 1, 4, 4, 4])
        builder.conv("x", "a", from: 4, to: 4)
        Self.shuffle(&builder, "a", "b", isDynamic: isDynamic)
        builder.conv("b", "y", from: 4, to: 4)
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.observedTensors == ["a", "x", "y"])
        for value in ["grouped", "swapped", "b"] {
            #expect(plan.outcome(of: value) == .quantized, "\(value)")
            guard case .shared = plan.source(of: value) else {
                Issue.record("\(value) has parameters of its own: \(String(describing: plan.source(of: value)))")
                continue
            }
        }
        // The same network with the channels of the second convolution's weight swapped instead.
        var other = GraphBuilder(input: [1, 4, 4, 4])
        other.conv("x", "a", from: 4, to: 4)
        other.conv("a", "y", from: 4, to: 4)
        var swapped = other.build(outputs: ["y"])
        swapped.initializers = try Self.constants(of: builder.build(outputs: ["y"]))
        let input = randomTensor([1, 4, 4, 4], seed: 9)
        let expected = try #require(evaluate(swapped, input)["y"])
        #expect(try relativeDifference(expected, #require(evaluate(plan.graph, input)["y"])) < 1e-5)
        let mine = try #require(evaluate(plan.calibrated(with: input).graph, input)["y"])
        let theirs = try #require(
            evaluate(
                QuantizationPlan(PreparedGraph(swapped), options: QuantizationOptions()).calibrated(with: input).graph,
                input)["y"])
        #expect(relativeDifference(theirs, mine) < 1e-5)
    }

    /// The constants of the convolutions, the input channels of the second in the order in which the shuffle makes them.
    private static func constants(of graph: Graph) throws -> [String: Tensor] {
        let weight = try #require(graph.initializers["y.weight"]).elements(as: Float.self)
        // Channel c of what the second one reads is channel [0, 2, 1, 3][c] of what the first one writes; both orders are alike.
        var moved = weight
        for output in 0..<4 {
            for (channel, source) in [0, 2, 1, 3].enumerated() {
                for place in 0..<9 {
                    moved[(output * 4 + source) * 9 + place] = weight[(output * 4 + channel) * 9 + place]
                }
            }
        }
        var result = graph.initializers.filter { $0.key.contains(".") }
        result["y.weight"] = Tensor(shape: [4, 4, 3, 3], elements: moved)
        return result
    }

    @Test func aResidualAdditionTakesItsRectifier() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.conv("x", "skip")
        builder.node(.binary(.add), ["a", "skip"], ["sum"])
        builder.node(.unary(.relu), ["sum"], ["y"])
        let graph = builder.build(outputs: ["y"])
        let fused = try plan(graph)
        #expect(fused.observedTensors == ["a", "skip", "x", "y"])
        #expect(fused.outcome(of: "y") == .absorbed(producer: "sum_node"))
        let separate = try plan(graph) { $0.keepsActivationFunctions = true }
        // The node stays, and still nothing is quantized between the addition and it.
        #expect(separate.outcome(of: "y") == .quantized && separate.observedTensors == fused.observedTensors)
        let input = randomTensor([1, 2, 4, 4], seed: 5)
        let float = try #require(evaluate(graph, input)["y"])
        for plan in [fused, separate] {
            let quantized = try #require(evaluate(plan.calibrated(with: input).graph, input)["y"])
            #expect(relativeDifference(float, quantized) < 0.02)
        }
    }

    @Test func aNormalizationBehindATransposedConvolutionLeavesNothingBetween() throws {
        var builder = GraphBuilder()
        let weight = builder.constant("weight", [2, 3, 2, 2], scale: 0.5)
        builder.node(.transposedConvolution(TransposedConvolutionAttributes()), ["x", weight], ["a"])
        let (scale, shift) = (builder.constant("scale", [3]), builder.constant("shift", [3]))
        let (mean, variance) = (builder.constant("mean", [3]), builder.constant("variance", [3], [Float(0.5), 1, 2]))
        builder.node(
            .batchNormalization(BatchNormalizationAttributes()), ["a", scale, shift, mean, variance], ["b"])
        builder.node(.unary(.relu), ["b"], ["y"])
        let graph = builder.build(outputs: ["y"])
        let plan = try plan(graph)
        #expect(plan.observedTensors == ["x", "y"])
        #expect(plan.graph.operatorNames == ["ConvTranspose", "Relu"])
        let input = randomTensor([1, 2, 4, 4], seed: 6)
        let float = try #require(evaluate(graph, input)["y"])
        #expect(try relativeDifference(float, #require(evaluate(plan.graph, input)["y"])) < 1e-5)
        #expect(
            try relativeDifference(float, #require(evaluate(plan.calibrated(with: input).graph, input)["y"])) < 0.02)
    }
}
