import Foundation
import Graphs
import ONNXFormat
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

/// What is written is what was read, in the form that the opset wants, and ONNX Runtime computes the same with it.
@Suite struct ExportTests {
    private func message(_ graph: Graph, _ options: ONNXExportOptions = ONNXExportOptions()) throws -> Onnx_ModelProto {
        try Onnx_ModelProto(serializedBytes: ONNXModel.serialize(graph, options: options))
    }

    private func single(_ op: Operator, _ constants: [String: Tensor] = [:], inputs: [String], shape: Shape) -> Graph {
        Graph(
            name: "test",
            inputs: [Graph.Value(name: "x", type: TensorType(elementType: .float32, shape: shape))],
            outputs: [Graph.Value(name: "y", type: TensorType(elementType: .float32, dimensions: nil))],
            initializers: constants, nodes: [Node(name: "n", op: op, inputs: inputs, outputs: ["y"])], sourceOpset: 9)
    }

    @Test func bytesAreTheSameEveryTime() throws {
        let graph = try ONNXModel.load(from: SharedModelTests.fixture("fmnist_vit")).graph
        let options = ONNXExportOptions(producerVersion: "1", metadata: [("b", "2"), ("a", "1")])
        let first = try ONNXModel.serialize(graph, options: options)
        // Another dictionary with the same content iterates in another order.
        var again = graph
        again.initializers = [:]
        for name in graph.initializers.keys.sorted() { again.initializers[name] = graph.initializers[name] }
        #expect(try ONNXModel.serialize(again, options: options) == first)
    }

    @Test(arguments: SharedModelTests.fixtureNames) func importedAgainTheGraphIsTheSame(name: String) throws {
        let graph = try ONNXModel.load(from: SharedModelTests.fixture(name)).graph
        let again = try ONNXModel.load(from: ONNXModel.serialize(graph), baseDirectory: nil).graph
        #expect(again.nodes == graph.nodes)
        #expect(again.initializers == graph.removingUnusedNodes().initializers)
        #expect(again.inputs == graph.inputs)
        #expect(again.outputs.map(\.name) == graph.outputs.map(\.name))
    }

    @Test func reductionAxesAreAnAttributeBelowOpset18() throws {
        let axes = Tensor(shape: [1], elements: [Int64(1)])
        let graph = single(
            .reduce(ReductionAttributes(function: .mean)), ["axes": axes], inputs: ["x", "axes"], shape: [2, 3])
        let old = try message(graph)
        #expect(old.opsetImport[0].version == 13)
        #expect(old.graph.node[0].input == ["x"])
        #expect(old.graph.node[0].attribute.map(\.name).contains("axes"))
        #expect(old.graph.initializer.isEmpty)
        let new = try message(graph, ONNXExportOptions(minimumOpset: 18))
        #expect(new.graph.node[0].input == ["x", "axes"])
        #expect(new.graph.initializer.map(\.name) == ["axes"])
    }

    @Test func numberOfPartsIsWrittenFromOpset18() throws {
        var graph = single(.split(axis: 0, outputCount: 2), inputs: ["x"], shape: [4])
        graph.nodes[0].outputs = ["y", "z"]
        #expect(try message(graph).graph.node[0].attribute.map(\.name) == ["axis"])
        let new = try message(graph, ONNXExportOptions(minimumOpset: 18))
        #expect(new.graph.node[0].attribute.map(\.name) == ["axis", "num_outputs"])
    }

    @Test func unevenPartsNeedOpset18() throws {
        var graph = single(.split(axis: 0, outputCount: 2), inputs: ["x"], shape: [5])
        graph.nodes[0].outputs = ["y", "z"]
        #expect(try message(graph).opsetImport[0].version == 18)
    }

    @Test func sixteenBitQuantizationNeedsOpset21() throws {
        let constants = [
            "s": Tensor(scalar: Float(0.5)), "z8": Tensor(scalar: Int8(0)), "z16": Tensor(scalar: Int16(0)),
        ]
        let op = Operator.quantizeLinear(QuantizeLinearAttributes())
        let narrow = try message(single(op, constants, inputs: ["x", "s", "z8"], shape: [2]))
        #expect(narrow.opsetImport[0].version == 13)
        #expect(narrow.irVersion == 8)
        #expect(narrow.graph.output[0].type.tensorType.elemType == 3)
        let wide = try message(single(op, constants, inputs: ["x", "s", "z16"], shape: [2]))
        #expect(wide.opsetImport[0].version == 21)
        #expect(wide.irVersion == 10)
    }

    @Test func opsetBeyondTheNewestIsRefused() throws {
        let graph = single(.unary(.relu), inputs: ["x"], shape: [2])
        #expect(throws: ONNXExportError.unsupportedOpset(22)) {
            try ONNXModel.serialize(graph, options: ONNXExportOptions(minimumOpset: 22))
        }
    }

    @Test func largeConstantsGoToASecondFile() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tare-export-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let graph = try ONNXModel.load(from: SharedModelTests.fixture("fmnist_resnet")).graph
        let url = folder.appending(path: "model.onnx")
        try ONNXModel.write(graph, to: url, options: ONNXExportOptions(externalDataThreshold: 1000))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == ["model.onnx", "model.onnx.data"])
        let again = try ONNXModel.load(from: url).graph
        #expect(again.initializers == graph.initializers)
        if let python = PythonOracle.interpreter() {
            let pair = [SharedModelTests.fixture("fmnist_resnet").path, url.path]
            let outcome = try PythonOracle.run(python, script: Self.comparison, arguments: pair)
            #expect(outcome.status == 0, "\(outcome.output)")
        }
    }

    @Test func runtimeComputesTheSameWithExportedModels() throws {
        guard let python = PythonOracle.interpreter() else { return }
        let folder = FileManager.default.temporaryDirectory.appending(path: "tare-export-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var originals = SharedModelTests.fixtureNames.map(SharedModelTests.fixture)
        originals += SharedModelTests.sharedNames.compactMap { Fixtures.shared("models/\($0).onnx") }
        originals += try SharedModelTests.lightModels(in: folder, python)
        var arguments: [String] = []
        for (position, original) in originals.enumerated() {
            let graph = try ONNXModel.load(from: original).graph
            // The oldest and the newest; the one where most forms changed is enough for the small models.
            for opset in position < SharedModelTests.fixtureNames.count ? [13, 18, 21] : [13, 21] {
                let url = folder.appending(path: "\(position)-\(opset).onnx")
                try ONNXModel.write(graph, to: url, options: ONNXExportOptions(minimumOpset: opset))
                arguments += [original.path, url.path]
            }
        }
        let outcome = try PythonOracle.run(python, script: Self.comparison, arguments: arguments)
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    /// Checks pairs of models: the second passes the checker, and both give the same outputs with all optimisations on and
    /// off.
    static let comparison = """
        import sys, numpy as np, onnx, onnxruntime as ort
        def session(path, level):
            options = ort.SessionOptions()
            options.graph_optimization_level = level
            options.log_severity_level = 3
            options.intra_op_num_threads = 1
            return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        extents = {"height": 160, "width": 192}
        kinds = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(double)": np.float64}
        levels = (ort.GraphOptimizationLevel.ORT_DISABLE_ALL, ort.GraphOptimizationLevel.ORT_ENABLE_ALL)
        bad, wanted_of = 0, {}
        for original, exported in zip(sys.argv[1::2], sys.argv[2::2]):
            onnx.checker.check_model(exported, full_check=True)
            for level in levels:
                if (original, level) not in wanted_of:
                    first = session(original, level)
                    random = np.random.default_rng(7)
                    feed = {}
                    for value in first.get_inputs():
                        shape = [d if isinstance(d, int) else extents.get(d, 2) for d in value.shape]
                        feed[value.name] = random.standard_normal(shape).astype(kinds[value.type])
                    wanted_of[original, level] = ([o.name for o in first.get_outputs()], feed, first.run(None, feed))
                names, feed, wanted = wanted_of[original, level]
                second = session(exported, level)
                known = {value.name for value in second.get_inputs()}
                got = second.run(names, {name: value for name, value in feed.items() if name in known})
                for name, left, right in zip(names, wanted, got):
                    same = left.shape == right.shape and left.dtype == right.dtype
                    if not same or not np.allclose(left, right, rtol=1e-5, atol=1e-6):
                        print("DIFFERENT", original, exported, name, left.shape, right.shape)
                        bad = 1
        sys.exit(bad)
        """
}
