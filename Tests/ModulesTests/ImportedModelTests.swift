import Conversion
import Execution
import Foundation
import Graphs
import Modules
import ONNXFormat
import Quantization
import Tensors
import TestSupport
import Testing

/// Modules that are found in imported models: the same numbers as before, through all families, and out to ONNX again.
@Suite struct ImportedModelTests {
    private static func load(_ name: String) throws -> Graph {
        try ONNXModel.load(from: Fixtures.directory.appending(path: "models/\(name).onnx")).graph
    }

    private static func images(_ count: Int, seed: UInt64 = 3) -> Tensor {
        var generator = SeededGenerator(seed: seed)
        return Tensor(shape: [count, 1, 28, 28], elements: (0..<count * 784).map { _ in generator.normal() })
    }

    private static func relativeError(_ left: Tensor, _ right: Tensor) -> Double {
        let (a, b) = (left.elements(as: Float.self), right.elements(as: Float.self))
        let error = zip(a, b).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        return (error / b.reduce(0.0) { $0 + Double($1) * Double($1) }).squareRoot()
    }

    @Test(arguments: [("fmnist_resnet", 13, 5), ("fmnist_mobile", 19, 3), ("fmnist_vit", 2, 0)])
    func modulesAndStubsComputeWhatTheModelComputes(name: String, convolutions: Int, sums: Int) throws {
        let imported = try Self.load(name)
        var graph = try imported.findingModules()
        graph.insertStubs()
        let kinds = graph.modules().map(\.op.name)
        #expect(kinds.count { $0.hasPrefix("Conv") } == (name == "fmnist_vit" ? 1 : convolutions))
        #expect(kinds.count { $0 == "Elemwise" } >= sums)
        if name == "fmnist_resnet" {
            #expect(kinds.contains("ConvBnRelu2d") && kinds.contains("ConvBn2d") && kinds.contains("Linear"))
            #expect(!graph.nodes.contains { if case .batchNormalization = $0.op { true } else { false } })
            #expect(graph.modulePaths.contains("body.0.c1"))
        }
        if name == "fmnist_mobile" { #expect(kinds.contains("ConvBnClip2d")) }
        let input = [imported.inputs[0].name: Self.images(4)]
        let expected = try AcceleratedExecutor(imported).run(input, tap: nil)
        var net = Network(graph)
        net.eval()
        let result = try net.run(input)
        for (output, tensor) in expected {
            #expect(Self.relativeError(try #require(result[output]), tensor) < 1e-5)
        }
    }

    @Test(arguments: ["fmnist_resnet", "fmnist_mobile"])
    func aCalibratedModelQuantizesAndRunsElsewhere(name: String) throws {
        var graph = try Self.load(name).findingModules()
        graph.insertStubs()
        let input = graph.inputs[0].name
        let output = graph.outputs[0].name
        var net = Network(graph)
        net.eval()
        let float = try #require(try net.run([input: Self.images(16)])[output])
        try net.quantizeQAT(.calibration)
        net.eval()
        net.enableObserver()
        // The calibration preset observes and does not round.
        let observed = try #require(try net.run([input: Self.images(16)])[output])
        #expect(Self.relativeError(observed, float) < 1e-5)
        try net.quantize()
        net.eval()
        let quantized = try #require(try net.run([input: Self.images(16)])[output])
        #expect(Self.relativeError(quantized, float) < (name == "fmnist_resnet" ? 0.15 : 0.6))

        let lowered = try net.graph.loweredFromQuantized()
        let ours = try #require(try AcceleratedExecutor(lowered).run([input: Self.images(16)], tap: nil)[output])
        #expect(Self.relativeError(ours, quantized) < 0.05)
        guard let python = PythonOracle.interpreter() else { return }
        let folder = try TemporaryFolder()
        try ONNXModel.write(lowered, to: folder.url.appending(path: "q.onnx"))
        try NPZFile.write([input: Self.images(16), "ours": quantized], to: folder.path("data.npz"))
        let script = """
            import sys, numpy as np, onnx, onnxruntime as ort
            onnx.checker.check_model(sys.argv[1], full_check=True)
            data = np.load(sys.argv[2])
            session = ort.InferenceSession(sys.argv[1])
            y = session.run(None, {session.get_inputs()[0].name: data[session.get_inputs()[0].name]})[0]
            print(np.linalg.norm(y - data["ours"]) / np.linalg.norm(y), (y.argmax(1) == data["ours"].argmax(1)).mean())
            """
        let oracle = try PythonOracle.run(
            python, script: script, arguments: [folder.path("q.onnx"), folder.path("data.npz")])
        try #require(oracle.status == 0, "\(oracle.output)")
        let numbers = oracle.output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        #expect(numbers[0] < 0.06, "ties round differently; \(numbers)")
        #expect(numbers[1] >= 0.9)
    }

    @Test func inferenceFunctionsAreDumpedAfterARun() throws {
        struct Net: Module {
            let quant = QuantStub()
            let conv = ConvBnRelu2d(1, 4, 3, stride: 2)
            let dequant = DequantStub()
            let fc = Linear(4, 3).disableQuantize()
            func forward(_ x: Value) -> Value { fc(dequant(conv(quant(x))).globalAveragePool().flatten()) }
        }
        var net = Network(Net(), shape: [1, 28, 28])
        try net.quantizeQAT()
        net.eval()
        net.enableObserver()
        _ = try net.run(["data": Self.images(2)])
        try net.quantize()
        let infer = InferenceFunction(net) { $0.softmax() }
        let folder = try TemporaryFolder()
        let path = folder.path("model.onnx")
        #expect(throws: InferenceFunction.Failure.neverRun) { try infer.dump(to: path, argNames: ["image"]) }
        let probabilities = try infer(Self.images(2))
        #expect(abs(probabilities.elements(as: Float.self).reduce(0, +) - 2) < 1e-5)
        #expect(throws: InferenceFunction.Failure.argumentCount(names: 2, arguments: 1)) {
            try infer.dump(to: path, argNames: ["image", "more"])
        }
        try infer.dump(to: path, argNames: ["image"])
        let loaded = try ONNXModel.load(from: URL(filePath: path)).graph
        #expect(loaded.inputs.map(\.name) == ["image"])
        let again = try AcceleratedExecutor(loaded).run(["image": Self.images(2)], tap: nil)
        let result = try #require(again[loaded.outputs[0].name])
        #expect(Self.relativeError(result, probabilities) < 0.01)
    }
}
