import CKernels
import Graphs
import Tensors
import TestSupport
import Testing

@testable import Training

/// The kernels give the same bits whatever the instructions.
@Suite(.serialized) struct InstructionSetTests {
    @Test func gradientsAreTheSameBits() throws {
        defer { tare_training_limit(Int32(TARE_STATISTICS_AVX512.rawValue)) }
        for test in TorchGoldenTests.all {
            let node = OneNode(
                test.op, test.operands { $0 } + test.constants, outputCount: test.outputCount, extra: test.extra,
                fixed: test.fixed)
            let up = try #require(TorchGoldenTests.goldens["\(test.name).up"])
            var results: [TrainingResult] = []
            for variant in [TARE_STATISTICS_AVX512, TARE_STATISTICS_AVX2, TARE_STATISTICS_PLAIN] {
                tare_training_limit(Int32(variant.rawValue))
                let executor = try TrainingExecutor(node.graph, trained: node.trained, lossInput: node.output)
                results.append(try executor.run(inputs: [:], loss: .innerProduct, targets: up))
            }
            for result in results.dropFirst() {
                #expect(result.outputs == results[0].outputs, "\(test.name)")
                #expect(result.gradients == results[0].gradients, "\(test.name)")
            }
        }
    }

    @Test func networksAndOptimizersAreTheSameBits() throws {
        defer { tare_training_limit(Int32(TARE_STATISTICS_AVX512.rawValue)) }
        let graph = try TrainingExecutorTests.network()
        for rule in [OptimizerRule.sgd(momentum: 0.9), .adam()] {
            var ends: [[String: Tensor]] = []
            for variant in [TARE_STATISTICS_AVX512, TARE_STATISTICS_AVX2, TARE_STATISTICS_PLAIN] {
                tare_training_limit(Int32(variant.rawValue))
                let executor = try TrainingExecutor(graph, trained: ["c1", "s1", "c2", "w"], lossInput: "logits")
                var parameters = graph.initializers
                var optimizer = Optimizer(rule, weightDecay: 0.01)
                for step in 0..<4 {
                    let (image, labels) = try TrainingExecutorTests.batch(step)
                    let result = try executor.run(
                        parameters: parameters, inputs: ["image": image], loss: .crossEntropy(), targets: labels)
                    try optimizer.update(&parameters, gradients: result.gradients, learningRate: 0.05)
                }
                ends.append(parameters)
            }
            #expect(ends[1] == ends[0])
            #expect(ends[2] == ends[0])
        }
    }
}
