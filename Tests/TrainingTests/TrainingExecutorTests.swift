import Graphs
import Tensors
import TestSupport
import Testing

@testable import Training

@Suite struct TrainingExecutorTests {
    private static let parameters = ["c1", "s1", "b1", "c2", "s2", "b2", "w", "v"]

    /// The network of the goldens.
    static func network() throws -> Graph {
        var initializers: [String: Tensor] = [:]
        for name in parameters {
            let start: Tensor = try #require(TorchGoldenTests.goldens["network.start.\(name)"])
            initializers[name] = start
        }
        initializers["zero"] = Tensor(zeros: [8], elementType: .float32)
        let convolution = Operator.convolution(.init(padding: .explicit(before: [1, 1], after: [1, 1])))
        let norm = Operator.batchNormalization(.init(momentum: 0, trainingMode: true))
        func node(_ name: String, _ op: Operator, _ inputs: [String], _ outputs: [String]? = nil) -> Node {
            Node(name: name, op: op, inputs: inputs, outputs: outputs ?? [name])
        }
        let nodes = [
            node("conv1", convolution, ["image", "c1"]),
            node("bn1", norm, ["conv1", "s1", "b1", "zero", "zero"], ["bn1", "mean1", "variance1"]),
            node("relu1", .unary(.relu), ["bn1"]),
            node("pool", .maxPool(.init(kernelShape: [2, 2], strides: [2, 2])), ["relu1"]),
            node("conv2", convolution, ["pool", "c2"]),
            node("bn2", norm, ["conv2", "s2", "b2", "zero", "zero"], ["bn2", "mean2", "variance2"]),
            node("sum", .binary(.add), ["pool", "bn2"]), node("relu2", .unary(.relu), ["sum"]),
            node("average", .globalAveragePool, ["relu2"]), node("flat", .flatten(axis: 1), ["average"]),
            node("logits", .gemm(.init(transposeB: true)), ["flat", "w", "v"]),
        ]
        let image = TensorType(elementType: .float32, dimensions: [.symbol("N"), 1, 10, 10])
        let outputs = ["logits", "mean1", "variance1"].map {
            Graph.Value(name: $0, type: TensorType(elementType: .float32, dimensions: nil))
        }
        return Graph(
            name: "network", inputs: [.init(name: "image", type: image)], outputs: outputs,
            initializers: initializers, nodes: nodes)
    }

    static func batch(_ step: Int) throws -> (image: Tensor, labels: Tensor) {
        let images = try #require(TorchGoldenTests.goldens["network.images"])
        let labels = try #require(TorchGoldenTests.goldens["network.labels"])
        let part = step..<step + 1
        return (
            images.slice(outermost: part).reshaped(to: [6, 1, 10, 10]), labels.slice(outermost: part).reshaped(to: [6])
        )
    }

    @Test func aNetworkTrainsAsInTorch() throws {
        let graph = try Self.network()
        let executor = try TrainingExecutor(graph, trained: Self.parameters, lossInput: "logits")
        let losses = try #require(TorchGoldenTests.goldens["network.losses"]).elements(as: Double.self)
        var parameters = graph.initializers
        var optimizer = Optimizer(.sgd(momentum: 0.9), weightDecay: 1e-3)
        for step in 0..<20 {
            let (image, labels) = try Self.batch(step)
            let result = try executor.run(
                parameters: parameters, inputs: ["image": image], loss: .crossEntropy(), targets: labels)
            #expect(abs(result.loss - losses[step]) < 1e-5, "step \(step)")
            try optimizer.update(&parameters, gradients: result.gradients, learningRate: 0.05)
        }
        for name in Self.parameters {
            let expected = try #require(TorchGoldenTests.goldens["network.end.\(name)"])
            #expect(distance(parameters[name], expected) < 1e-4, "\(name)")
        }
    }

    @Test func resultsAreAFunctionOfParametersAndBatch() throws {
        let graph = try Self.network()
        let executor = try TrainingExecutor(graph, trained: Self.parameters, lossInput: "logits")
        func run(_ executor: TrainingExecutor, _ step: Int) throws -> TrainingResult {
            let (image, labels) = try Self.batch(step)
            return try executor.run(inputs: ["image": image], loss: .crossEntropy(), targets: labels)
        }
        let first = try run(executor, 0)
        // Runs between, of this and of another batch size, leave nothing behind.
        let other = try run(executor, 1)
        #expect(other.gradients != first.gradients)
        let (image, _) = try Self.batch(2)
        _ = try executor.forward(inputs: ["image": image.slice(outermost: 0..<2)])
        for again in [
            try run(executor, 0), try run(TrainingExecutor(graph, trained: Self.parameters, lossInput: "logits"), 0),
        ] {
            #expect(again.gradients == first.gradients)
            #expect(again.outputs == first.outputs)
            #expect(again.loss == first.loss)
        }
    }

    @Test func outputsHoldTheStatisticsOfTheBatch() throws {
        let executor = try TrainingExecutor(Self.network(), trained: [], lossInput: "logits")
        let (image, labels) = try Self.batch(0)
        let result = try executor.run(inputs: ["image": image], loss: .crossEntropy(), targets: labels)
        #expect(result.gradients.isEmpty)
        #expect(result.outputs["mean1"]?.shape == [8])
        #expect(result.outputs == (try executor.forward(inputs: ["image": image])))
        let logits = try #require(result.outputs["logits"]).elements(as: Float.self)
        let correct = labels.elements(as: Int64.self).enumerated().count { row, label in
            let row = logits[row * 4..<row * 4 + 4]
            return row.firstIndex(of: row.max() ?? 0) == row.startIndex + Int(label)
        }
        #expect(result.correct == correct)
    }

    @Test func refusesNodesWithoutGradientByName() throws {
        let x = Tensor(zeros: [1, 4, 2, 2], elementType: .float32)
        let node = OneNode(.localResponseNormalization(.init(size: 3)), [x])
        #expect(
            throws: TrainingError.notDifferentiable(
                node: "node", operatorName: "LRN", reason: "input 0 of it has no gradient")
        ) {
            _ = try TrainingExecutor(node.graph, trained: node.trained, lossInput: "y")
        }
        // Off the way from parameters to the loss it runs.
        let executor = try TrainingExecutor(node.graph, trained: [], lossInput: "y")
        #expect(try executor.forward(inputs: [:])["y"]?.shape == x.shape)
    }

    @Test func namesWhatIsWrong() throws {
        let graph = try Self.network()
        #expect(throws: TrainingError.unknownValue(name: "nothing")) {
            _ = try TrainingExecutor(graph, trained: ["nothing"], lossInput: "logits")
        }
        #expect(throws: TrainingError.unknownValue(name: "nowhere")) {
            _ = try TrainingExecutor(graph, trained: ["w"], lossInput: "nowhere")
        }
        let executor = try TrainingExecutor(graph, trained: ["w"], lossInput: "logits")
        let (image, labels) = try Self.batch(0)
        #expect(throws: TrainingError.missingInput(name: "image", available: [])) {
            _ = try executor.run(inputs: [:], loss: .crossEntropy(), targets: labels)
        }
        #expect(throws: TrainingError.mismatch(name: "w", expected: "float32[4, 8]", actual: "float32[8]")) {
            _ = try executor.run(
                parameters: ["w": Tensor(zeros: [8], elementType: .float32)], inputs: ["image": image],
                loss: .crossEntropy(), targets: labels)
        }
        #expect(throws: TrainingError.label(row: 2, value: 4, classes: 4)) {
            let wrong = Tensor(shape: [6], elements: [0, 1, 4, 0, 0, 0] as [Int64])
            _ = try executor.run(inputs: ["image": image], loss: .crossEntropy(), targets: wrong)
        }
    }

    @Test func parametersBesideTheLossHaveZeroGradients() throws {
        let graph = try Self.network()
        let executor = try TrainingExecutor(graph, trained: ["c1", "w"], lossInput: "relu1")
        let (image, _) = try Self.batch(0)
        let up = Tensor(shape: [6, 8, 10, 10], elements: [Float](repeating: 1, count: 4800))
        let result = try executor.run(inputs: ["image": image], loss: .innerProduct, targets: up)
        #expect(result.gradients["w"] == Tensor(zeros: [4, 8], elementType: .float32))
        #expect(result.gradients["c1"]?.elements(as: Float.self).contains { $0 != 0 } == true)
    }
}
