import Conversion
import Graphs
import Quantization
import Tensors
import TestSupport
import Testing

/// Random networks of up to twelve nodes over feature maps of one size, with branches, shared constants and several outputs.
private struct RandomNetwork {
    private var builder: GraphBuilder
    private var generator: SeededGenerator
    /// Values of shape [1, 4, 6, 6].
    private var maps = ["x"]
    private var count = 0

    init(seed: UInt64) {
        builder = GraphBuilder(input: [1, 4, 6, 6], seed: seed)
        generator = SeededGenerator(seed: seed ^ 0xABCD)
    }

    mutating func make() -> Graph {
        for _ in 0..<Int.random(in: 2...12, using: &generator) { addNode() }
        var outputs = [maps[maps.count - 1]]
        if Bool.random(using: &generator), maps.count > 2 {
            outputs.append(maps[Int.random(in: 1..<(maps.count - 1), using: &generator)])
        }
        if Bool.random(using: &generator) { outputs.append(addHead(maps[maps.count - 1])) }
        return builder.build(outputs: outputs)
    }

    private mutating func name() -> String {
        count += 1
        return "v\(count)"
    }

    private mutating func pick() -> String {
        maps[Int.random(in: max(0, maps.count - 3)..<maps.count, using: &generator)]
    }

    private mutating func addNode() {
        let (input, output) = (pick(), name())
        switch Int.random(in: 0..<12, using: &generator) {
        case 0, 1, 2: builder.conv(input, output, from: 4, to: 4, bias: Bool.random(using: &generator))
        case 3, 4: builder.node(.unary(.relu), [input], [output])
        case 5:
            let (low, high) = (
                builder.constant("\(output).low", [], [Float(-0.5)]), builder.constant("\(output).high", [], [Float(2)])
            )
            builder.node(.clip, [input, low, high], [output])
        case 6: builder.node(.binary(.add), [input, pick()], [output])
        case 7:
            let factor = builder.constant("\(output).factor", [4, 1, 1])
            builder.node(.binary(.multiply), [input, factor], [output])
        case 8:
            let attributes = PoolingAttributes(
                kernelShape: [3, 3], padding: .explicit(before: [1, 1], after: [1, 1]))
            builder.node(
                Bool.random(using: &generator) ? .maxPool(attributes) : .averagePool(attributes), [input], [output])
        case 9: builder.node(.unary(.sigmoid), [input], [output])
        case 10:
            builder.node(.concat(axis: 1), [input, pick()], [output + "c"])
            builder.conv(output + "c", output, from: 8, to: 4)
        default: builder.node(.transpose(permutation: [0, 1, 3, 2]), [input], [output])
        }
        maps.append(output)
    }

    /// Global pooling and a fully connected layer.
    private mutating func addHead(_ input: String) -> String {
        builder.node(.globalAveragePool, [input], ["pooled"])
        builder.node(.flatten(axis: 1), ["pooled"], ["flat"])
        let (weight, bias) = (builder.constant("fc.weight", [3, 4]), builder.constant("fc.bias", [3]))
        return builder.node(.gemm(GemmAttributes(transposeB: true)), ["flat", weight, bias], ["scores"])
    }
}

@Suite struct QuantizedGraphPropertyTests {
    private static let fine = QuantizationScheme(type: .uint16, isSymmetric: false)
    private static let fineSymmetric = QuantizationScheme(type: .int16, isSymmetric: true)

    @Test(arguments: [false, true])
    func sixteenBitGraphComputesWhatTheFloatGraphComputes(symmetric: Bool) throws {
        for seed in UInt64(1)...60 {
            var network = RandomNetwork(seed: seed)
            let graph = network.make()
            let plan = try plan(graph) {
                $0.activations = symmetric ? Self.fineSymmetric : Self.fine
                $0.weights = QuantizationScheme(type: .int16, isSymmetric: true, granularity: .perChannel)
            }
            let input = randomTensor([1, 4, 6, 6], seed: seed)
            let model = try plan.calibrated(with: input)
            try model.graph.validate()
            #expect(model.graph.inputs == graph.inputs && model.graph.outputs == graph.outputs, "seed \(seed)")
            let (float, quantized) = (try evaluate(graph, input), try evaluate(model.graph, input))
            for output in graph.outputs {
                let difference = relativeDifference(
                    try #require(float[output.name]), try #require(quantized[output.name]))
                #expect(difference < 2e-3, "seed \(seed), output \(output.name): \(difference)")
            }
        }
    }

    @Test func everyObservedTensorExistsAndEveryNodeHasADecision() throws {
        for seed in UInt64(100)...160 {
            var network = RandomNetwork(seed: seed)
            let plan = try plan(network.make())
            var values = Set(plan.graph.inputs.map(\.name))
            values.formUnion(plan.graph.nodes.flatMap(\.outputs))
            #expect(plan.observedTensors.allSatisfy(values.contains), "seed \(seed)")
            #expect(plan.observedTensors == plan.observedTensors.sorted(), "seed \(seed)")
            #expect(plan.decisions.map(\.node) == plan.graph.nodes.map(\.name), "seed \(seed)")
        }
    }

    @Test func noFloatWeightIsLeftInAFullyQuantizedGraph() throws {
        for seed in UInt64(200)...240 {
            var network = RandomNetwork(seed: seed)
            let plan = try plan(network.make())
            let model = try plan.calibrated(with: randomTensor([1, 4, 6, 6], seed: seed)).graph
            for node in model.nodes where node.op.name == "Conv" {
                #expect(node.inputs.allSatisfy { model.initializers[$0] == nil }, "seed \(seed), \(node.name)")
            }
        }
    }
}
