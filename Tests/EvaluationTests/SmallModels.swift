import Conversion
import Evaluation
import Execution
import Graphs
import Quantization
import Tensors
import TestSupport

/// A convolution, an activation, a pooling and a linear layer; quantized, and run.
enum SmallModels {
    /// The float graph: input [N, 2, 6, 6], output [N, 5].
    static func float() throws -> Graph {
        var generator = SeededGenerator(seed: 42)
        func weights(_ shape: Shape) -> Tensor {
            Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in generator.normal() * 0.3 })
        }
        return try PreparedGraph(
            Graph(
                name: "small",
                inputs: [
                    .init(name: "x", type: TensorType(elementType: .float32, dimensions: [.symbol("N"), 2, 6, 6]))
                ],
                outputs: [
                    .init(name: "scores", type: TensorType(elementType: .float32, dimensions: [.symbol("N"), 5]))
                ],
                initializers: [
                    "w1": weights([4, 2, 3, 3]), "b1": weights([4]), "w2": weights([4, 5]), "b2": weights([5]),
                ],
                nodes: [
                    Node(
                        name: "conv",
                        op: .convolution(ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1]))),
                        inputs: ["x", "w1", "b1"], outputs: ["c"]),
                    Node(name: "relu", op: .unary(.relu), inputs: ["c"], outputs: ["r"]),
                    Node(name: "pool", op: .globalAveragePool, inputs: ["r"], outputs: ["p"]),
                    Node(name: "flat", op: .flatten(axis: 1), inputs: ["p"], outputs: ["f"]),
                    Node(name: "fc", op: .gemm(GemmAttributes()), inputs: ["f", "w2", "b2"], outputs: ["scores"]),
                ])
        ).graph
    }

    /// The quantized graph, with the same step everywhere.
    static func quantized(scale: Float = 0.02) throws -> Graph {
        let plan = try QuantizationPlan(PreparedGraph(float()), options: QuantizationOptions())
        var parameters: [String: QuantizationParameters] = [:]
        for name in plan.observedTensors {
            // What a Relu has gone into must not go below zero.
            parameters[name] = QuantizationParameters(
                type: .uint8, scale: scale, zeroPoint: plan.bounds[name] == nil ? 128 : 0)
        }
        return try plan.quantize(parameters).graph
    }

    /// Samples.
    static func inputs(_ count: Int, seed: UInt64 = 9) -> [String: Tensor] {
        var generator = SeededGenerator(seed: seed)
        return [
            "x": Tensor(shape: [count, 2, 6, 6], elements: (0..<count * 72).map { _ in generator.normal() })
        ]
    }

    /// The statistics of samples that are run in batches by the reference executor; `change` spoils what it gives.
    static func evaluate(
        _ pair: ModelPair, _ inputs: [String: Tensor], batches: [Range<Int>],
        change: (inout [String: Tensor]) -> Void = { _ in }
    ) throws -> EvaluationStatistics {
        let executors: [EvaluationAccumulator.Role: ReferenceExecutor] = [
            .float: try ReferenceExecutor(pair.float), .quantized: try ReferenceExecutor(pair.quantized),
            .isolated: try ReferenceExecutor(pair.isolated),
        ]
        var accumulator = EvaluationAccumulator(pair)
        for batch in batches {
            let part = inputs.mapValues { $0.slice(outermost: batch) }
            try accumulator.addBatch(samples: batch.map { UInt64($0) }, inputs: part) { role, inputs in
                guard let executor = executors[role] else { throw MissingExecutor() }
                var outputs = try executor.run(inputs, tap: nil)
                change(&outputs)
                return outputs
            }
        }
        return try accumulator.finish(floatDigest: "f", quantizedDigest: "q", planDigest: "p")
    }

    struct MissingExecutor: Error {}
}
