import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Training

/// Gradients against differences of the reference kernels, which compute float64 operands in float64.
@Suite struct FiniteDifferenceTests {
    /// Cases whose operands must be positive.
    private static let positive: Set<String> = ["unary_log", "unary_sqrt", "binary_power"]
    /// The reference kernels have no float64 for these, or the derivative is 0 by definition and a step may cross a jump.
    private static let cases = TorchGoldenTests.all.filter { !["gather"].contains($0.name) }

    @Test(arguments: cases, [11, 12] as [UInt64])
    func gradientsEqualDifferences(_ test: TorchGoldenTests.Case, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let isPositive = Self.positive.contains(test.name)
        var operands = test.operands { model in
            let elements = (0..<model.elementCount).map { _ in
                let value = generator.normal()
                return isPositive ? abs(value) + 0.3 : value
            }
            return Tensor(shape: model.shape, elements: elements)
        }
        // A variance must not be negative.
        for index in test.fixed where operands.indices.contains(index) {
            operands[index] = operands[index].map { tensor in
                Tensor(shape: tensor.shape, elements: tensor.elements(as: Float.self).map { abs($0) + 0.3 })
            }
        }
        let node = OneNode(
            test.op, operands + test.constants, outputCount: test.outputCount, extra: test.extra, fixed: test.fixed)
        let executor = try TrainingExecutor(node.graph, trained: node.trained, lossInput: node.output)
        let shape = try #require(executor.forward(inputs: [:])[node.output]).shape
        let up = Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in generator.normal() })
        let result = try executor.run(inputs: [:], loss: .innerProduct, targets: up)
        for name in node.trained {
            let gradient = try #require(result.gradients[name]).elements(as: Float.self)
            let direction = gradient.map { _ in Double(generator.normal()) }
            let step = 1e-6
            let ends = try [step, -step].map { step in
                try loss(node.graph, moving: name, by: direction.map { $0 * step }, up)
            }
            let difference = (ends[0] - ends[1]) / (2 * step)
            let slope = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * $1.1 }
            let scale = zip(gradient, direction).reduce(1.0) { $0 + abs(Double($1.0) * $1.1) }
            #expect(
                abs(slope - difference) / scale < 2e-6, "\(test.name) \(name), seed \(seed): \(slope), \(difference)")
        }
    }

    /// The inner product of the output and `up`, all in float64.
    private func loss(_ graph: Graph, moving name: String, by move: [Double], _ up: Tensor) throws -> Double {
        func wide(_ tensor: Tensor) throws -> Tensor {
            guard tensor.elementType == .float32 else { return tensor }
            return try ReferenceKernels.evaluate(
                .cast(CastAttributes(to: .float64)), inputs: [tensor], outputCount: 1)[0]
        }
        var values = try graph.initializers.mapValues { try wide($0) }
        let moved = try #require(values[name])
        values[name] = Tensor(
            shape: moved.shape, elements: zip(moved.elements(as: Double.self), move).map { $0 + $1 })
        for node in graph.nodes {
            // Resize takes its scales as float32.
            let inputs = node.inputs.enumerated().map { index, name -> Tensor? in
                if case .resize = node.op, index > 0 { return graph.initializers[name] }
                return values[name]
            }
            let outputs = try ReferenceKernels.evaluate(node.op, inputs: inputs, outputCount: node.outputs.count)
            for (name, tensor) in zip(node.outputs, outputs) { values[name] = tensor }
        }
        let result = try #require(values[graph.outputs[0].name]).elements(as: Double.self)
        return zip(result, up.elements(as: Float.self)).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
}
