import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Training

/// What an observer of training is shown, against the plain kernels.
@Suite struct TrainingObserverTests {
    /// Two branches of a convolution with normalization and a rectifier, summed, and a layer that gives three scores.
    private struct Branches {
        let graph: Graph
        let inputs: [String: Tensor]
        let targets: Tensor
        static let trained = ["w1", "w2", "scale", "shift", "fc"]

        init(seed: UInt64) {
            var random = SeededGenerator(seed: seed)
            func tensor(_ shape: Shape) -> Tensor {
                Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in random.normal() })
            }
            let convolution = Operator.convolution(
                ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1])))
            graph = Graph(
                name: "branches",
                inputs: [.init(name: "x", type: TensorType(elementType: .float32, dimensions: nil))],
                outputs: [.init(name: "scores", type: TensorType(elementType: .float32, dimensions: nil))],
                initializers: [
                    "w1": tensor([4, 2, 3, 3]), "w2": tensor([4, 4, 3, 3]), "scale": tensor([4]), "shift": tensor([4]),
                    "mean": Tensor(zeros: [4], elementType: .float32),
                    "variance": Tensor(shape: [4], elements: [Float](repeating: 1, count: 4)),
                    "fc": tensor([4, 3]),
                ],
                nodes: [
                    Node(name: "c1", op: convolution, inputs: ["x", "w1"], outputs: ["a"]),
                    Node(
                        name: "norm", op: .batchNormalization(BatchNormalizationAttributes(trainingMode: true)),
                        inputs: ["a", "scale", "shift", "mean", "variance"], outputs: ["b"]),
                    Node(name: "r1", op: .unary(.relu), inputs: ["b"], outputs: ["c"]),
                    Node(name: "c2", op: convolution, inputs: ["c", "w2"], outputs: ["d"]),
                    Node(name: "sum", op: .binary(.add), inputs: ["d", "c"], outputs: ["e"]),
                    Node(name: "r2", op: .unary(.relu), inputs: ["e"], outputs: ["f"]),
                    Node(name: "pool", op: .globalAveragePool, inputs: ["f"], outputs: ["g"]),
                    Node(name: "flat", op: .flatten(axis: 1), inputs: ["g"], outputs: ["h"]),
                    Node(name: "fc", op: .matMul, inputs: ["h", "fc"], outputs: ["scores"]),
                ])
            inputs = ["x": tensor([5, 2, 6, 6])]
            targets = Tensor(shape: [5], elements: (0..<5).map { _ in Int64(random.next() % 3) })
        }

        func run(_ observer: (any TrainingObserver)?) throws -> TrainingResult {
            let executor = try TrainingExecutor(graph, trained: Self.trained, lossInput: "scores")
            return try executor.run(inputs: inputs, loss: .crossEntropy(), targets: targets, observer: observer)
        }
    }

    private final class Recorder: TrainingObserver {
        var operations: [TrainingOperation] = []

        func record(_ operation: TrainingOperation) { operations.append(operation) }
    }

    /// One line for each operation.
    private static func title(_ operation: TrainingOperation) -> String {
        switch operation.kind {
        case .forward(let node): node.name
        case .loss: "loss"
        case .lossGradient: "loss gradient"
        case .backward(let node): "\(node.name) back \(operation.results.map(\.name))"
        case .gradientSum: "sum \(operation.results.map(\.name))"
        }
    }

    @Test func everyOperationIsShownInOrder() throws {
        let recorder = Recorder()
        _ = try Branches(seed: 3).run(recorder)
        #expect(
            recorder.operations.map(Self.title) == [
                "c1", "norm", "r1", "c2", "sum", "r2", "pool", "flat", "fc", "loss", "loss gradient",
                #"fc back ["h", "fc"]"#, #"pool back ["f"]"#, #"r2 back ["e"]"#, #"sum back ["d", "c"]"#,
                #"c2 back ["w2", "c"]"#, #"sum ["c"]"#, #"r1 back ["b"]"#, #"norm back ["a", "scale", "shift"]"#,
                #"c1 back ["w1"]"#,
            ])
    }

    @Test(arguments: [5, 6] as [UInt64]) func resultsAreThoseOfThePlainKernels(seed: UInt64) throws {
        let recorder = Recorder()
        let result = try Branches(seed: seed).run(recorder)
        for operation in recorder.operations {
            switch operation.kind {
            case .forward(let node):
                let expected = try ReferenceKernels.evaluate(
                    node.op, inputs: operation.inputs.map(\.tensor), outputCount: 1)
                #expect(distance(operation.results.first?.tensor, expected[0]) < 1e-5, "\(node.name), seed \(seed)")
            case .gradientSum:
                let parts = operation.gradients.map { $0.tensor.elements(as: Float.self) }
                #expect(parts.count == 2)
                #expect(operation.results[0].tensor.elements(as: Float.self) == zip(parts[0], parts[1]).map(+))
            case .loss: #expect(operation.results[0].tensor.elements(as: Float.self) == [Float(result.loss)])
            case .lossGradient, .backward: break
            }
        }
        // Each parameter has one reader, whose contribution is the whole gradient.
        for name in Branches.trained {
            let shown = recorder.operations.flatMap(\.results).last { $0.name == name }?.tensor
            #expect(shown == result.gradients[name], "\(name), seed \(seed)")
        }
        // A gradient that comes in is the one that the readers of the value have contributed.
        for operation in recorder.operations {
            guard case .backward(let node) = operation.kind, node.name != "fc" else { continue }
            let made = recorder.operations.flatMap { $0.kind.isBackward ? $0.results : [] }
            for gradient in operation.gradients where gradient.name != "h" && gradient.name != "g" {
                let last = made.last { $0.name == gradient.name }
                #expect(last?.tensor == gradient.tensor, "\(node.name) \(gradient.name), seed \(seed)")
            }
        }
    }

    @Test(arguments: [8, 9] as [UInt64]) func anObserverChangesNoBit(seed: UInt64) throws {
        let branches = Branches(seed: seed)
        let (seen, unseen) = (try branches.run(Recorder()), try branches.run(nil))
        #expect(seen.gradients == unseen.gradients && seen.outputs == unseen.outputs, "seed \(seed)")
        #expect(seen.loss.bitPattern == unseen.loss.bitPattern && seen.correct == unseen.correct, "seed \(seed)")
    }
}

extension TrainingOperation.Kind {
    /// Whether gradients are made.
    fileprivate var isBackward: Bool {
        switch self {
        case .backward, .gradientSum, .lossGradient: true
        case .forward, .loss: false
        }
    }
}
