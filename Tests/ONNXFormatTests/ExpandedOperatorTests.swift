import Execution
import Foundation
import Graphs
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// Operators that are expanded on import compute what ONNX Runtime computes (`Tests/Fixtures/operators/generate.py`).
@Suite struct ExpandedOperatorTests {
    private static let folder = Fixtures.directory.appending(path: "operators")

    private static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".onnx") }.map { String($0.dropLast(5)) }.sorted()
    }()

    @Test func fixturesAreThere() {
        #expect(Self.names.count >= 30)
    }

    @Test(arguments: names, ConformanceExecutor.allCases)
    func outputsAgreeWithONNXRuntime(name: String, executor: ConformanceExecutor) throws {
        let graph = try ONNXModel.load(from: Self.folder.appending(path: "\(name).onnx")).graph
        try Self.expectOutputs(of: graph, name, executor)
    }

    @Test(arguments: names)
    func exportedModelsComputeTheSame(name: String) throws {
        let graph = try ONNXModel.load(from: Self.folder.appending(path: "\(name).onnx")).graph
        // Before opset 20 Gelu would be written out.
        let bytes = try ONNXModel.serialize(graph, options: ONNXExportOptions(minimumOpset: 20))
        let again = try ONNXModel.load(from: bytes, baseDirectory: nil).graph
        #expect(again.nodes.map(\.op) == graph.nodes.map(\.op))
        try Self.expectOutputs(of: again, name, .reference)
    }

    private static func expectOutputs(of graph: Graph, _ name: String, _ executor: ConformanceExecutor) throws {
        let arrays = try NPZFile.read(path: folder.appending(path: "\(name).npz").path)
        var inputs: [String: Tensor] = [:]
        for input in graph.inputs {
            let tensor: Tensor = try #require(arrays["in_" + input.name])
            inputs[input.name] = tensor
        }
        let outputs = try executor.run(graph, inputs)
        for output in graph.outputs {
            let wanted: Tensor = try #require(arrays["out_" + output.name])
            let actual = try #require(outputs[output.name])
            let difference = try ConformanceComparison.difference(actual, wanted, relative: 1e-4, absolute: 1e-5)
            #expect(difference == nil, "\(name), output '\(output.name)': \(difference ?? "")")
        }
    }
}
