import Execution
import Foundation
import Graphs
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// Whole models on both executors against what ONNX Runtime computed.
@Suite struct ModelGoldenTests {
    /// Largest difference to ONNX Runtime relative to the largest magnitude of an output.
    private static let relativeTolerance: Float = 1e-4

    @Test(arguments: ["fmnist_lstm", "fmnist_mobile", "fmnist_resnet", "fmnist_vit"])
    func ownModelsGiveTheGoldenOutputs(name: String) throws {
        let model = Fixtures.directory.appending(path: "models/\(name).onnx")
        let golden = Fixtures.directory.appending(path: "goldens/\(name)_random.npz")
        try expectGolden(model: model, golden: golden, isFast: name != "fmnist_vit")
    }

    @Test(arguments: [
        "cifar_resnet20", "fmnist_lstm", "fmnist_mobile", "fmnist_resnet", "fmnist_vit", "ort_mnist_cntk",
        "ultraface_version-RFB-320", "yunet_n_dynamic",
    ])
    func sharedModelsGiveTheGoldenOutputs(name: String) throws {
        guard let model = Fixtures.shared("models/\(name).onnx"), let golden = Fixtures.shared("goldens/\(name).npz")
        else { return }
        try expectGolden(model: model, golden: golden, isFast: false)
    }

    /// A model with branches in branches.
    @Test func modelWithControlFlowGivesTheGoldenOutputs() throws {
        guard let model = Fixtures.shared("models/silero_vad_16k_op15.onnx"),
            let golden = Fixtures.shared("goldens/silero_vad_16k_op15.npz")
        else { return }
        try expectGolden(model: model, golden: golden, isFast: true)
    }

    private func expectGolden(model: URL, golden: URL, isFast: Bool) throws {
        let graph = try ONNXModel.load(from: model).graph
        let arrays = try NPZFile.read(path: golden.path)
        var inputs: [String: Tensor] = [:]
        for input in graph.inputs {
            let tensor: Tensor = try #require(arrays["in_" + input.name])
            inputs[input.name] = tensor
        }
        let timer = StepTimer()
        let accelerated = try AcceleratedExecutor(graph)
        try compare(try accelerated.run(inputs, tap: nil, timer: timer), arrays, graph, "fast")
        // A second run of the same plan must not see what the first one left behind.
        try compare(try accelerated.run(inputs), arrays, graph, "fast, again")
        try compare(try ReferenceExecutor(graph).run(inputs), arrays, graph, "reference")
        // Graphs inside of nodes run without a plan.
        #expect(timer.entries.isEmpty == graph.nodes.contains { !$0.bodies.isEmpty })
        if isFast {
            let slow = timer.entries.filter { $0.implementation.hasPrefix("reference") }
            #expect(slow.isEmpty)
        }
    }

    private func compare(
        _ results: [String: Tensor], _ arrays: [String: Tensor], _ graph: Graph, _ executor: String
    ) throws {
        for output in graph.outputs {
            let actual = try #require(results[output.name])
            let expected = try #require(arrays["out_" + output.name])
            #expect(actual.shape == expected.shape, "\(output.name), \(executor)")
            guard actual.shape == expected.shape else { continue }
            let wanted = expected.elements(as: Float.self)
            let largest = wanted.reduce(Float(1e-6)) { max($0, abs($1)) }
            let worst = zip(actual.elements(as: Float.self), wanted).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
            #expect(worst / largest <= Self.relativeTolerance, "\(output.name), \(executor)")
        }
    }
}
