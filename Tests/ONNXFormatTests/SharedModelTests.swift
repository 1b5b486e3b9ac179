import Foundation
import Graphs
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// Whole models: those of our own, and third-party ones where the shared folder is present.
@Suite struct SharedModelTests {
    static let fixtureNames = ["fmnist_resnet", "fmnist_mobile", "fmnist_lstm", "fmnist_vit"]
    static let sharedNames = ["cifar_resnet20", "ort_mnist_cntk", "ultraface_version-RFB-320", "yunet_n_dynamic"]

    static func fixture(_ name: String) -> URL {
        Fixtures.directory.appending(path: "models/\(name).onnx")
    }

    @Test(arguments: fixtureNames) func ownModelGetsFixedShapesFromAFixedInput(name: String) throws {
        try Self.expectFixedShapes(Self.fixture(name))
    }

    @Test(arguments: sharedNames) func thirdPartyModelGetsFixedShapesFromAFixedInput(name: String) throws {
        guard let url = Fixtures.shared("models/\(name).onnx") else { return }
        try Self.expectFixedShapes(url)
    }

    static func expectFixedShapes(_ url: URL) throws {
        let types = try fixedTypes(url)
        for name in types.keys.sorted() {
            let type = try #require(types[name])
            #expect(type.shape != nil, "\(name) is \(type)")
        }
    }

    /// The types of all values when every extent of the inputs is fixed.
    static func fixedTypes(_ url: URL) throws -> [String: TensorType] {
        let graph = try ONNXModel.load(from: url).graph
        try graph.validate()
        var inputTypes: [String: TensorType] = [:]
        for input in graph.inputs {
            let extents = try #require(input.type.dimensions).map {
                $0.fixedValue.map(Graphs.Dimension.fixed) ?? extent($0)
            }
            inputTypes[input.name] = TensorType(elementType: input.type.elementType, dimensions: extents)
        }
        return try ShapeInference.infer(graph, inputTypes: inputTypes)
    }

    /// An extent for each symbol of the models.
    private static func extent(_ dimension: Graphs.Dimension) -> Graphs.Dimension {
        switch dimension.description {
        case "height": 160
        case "width": 192
        default: 2
        }
    }
}

extension SharedModelTests {
    /// The nine full topologies of the ONNX project, unpacked into `folder`; none when they are not there.
    static func lightModels(in folder: URL, _ python: URL) throws -> [URL] {
        guard let archive = Fixtures.shared("conformance/onnx-light.tar.gz") else { return [] }
        let script = "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2], filter='data')"
        let outcome = try PythonOracle.run(python, script: script, arguments: [archive.path, folder.path])
        try #require(outcome.status == 0, "\(outcome.output)")
        let light = folder.appending(path: "onnx-light")
        return try FileManager.default.contentsOfDirectory(at: light, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "onnx" }
            .sorted { $0.path < $1.path }
    }

    @Test func inferredShapesAreThoseThatTheRuntimeComputes() throws {
        guard let python = PythonOracle.interpreter() else { return }
        let folder = FileManager.default.temporaryDirectory.appending(path: "tare-shapes-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var models = Self.fixtureNames.map(Self.fixture)
        models += Self.sharedNames.compactMap { Fixtures.shared("models/\($0).onnx") }
        models += try Self.lightModels(in: folder, python)
        var arguments: [String] = []
        for (position, url) in models.enumerated() {
            let types = try Self.fixedTypes(url)
            let shapes = try types.mapValues { try #require($0.shape).dimensions }
            let file = folder.appending(path: "\(position).json")
            try JSONEncoder().encode(shapes).write(to: file)
            arguments += [url.path, file.path]
        }
        let outcome = try PythonOracle.run(python, script: Self.shapeComparison, arguments: arguments)
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    /// Runs each model with all values as outputs and compares their shapes with a JSON file.
    private static let shapeComparison = """
        import json, sys, numpy as np, onnx, onnxruntime as ort
        extents = {"height": 160, "width": 192}
        bad = 0
        for path, shapes in zip(sys.argv[1::2], sys.argv[2::2]):
            shapes = json.load(open(shapes))
            model = onnx.load(path)
            outputs = {output.name for output in model.graph.output}
            for node in model.graph.node:
                # Masks and statistics that nobody reads are dropped on import.
                for name in node.output[:1] if node.op_type in ("Dropout", "BatchNormalization") else node.output:
                    if name and name not in outputs:
                        model.graph.output.append(onnx.ValueInfoProto(name=name))
            options = ort.SessionOptions()
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.log_severity_level = 3
            session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            feed = {}
            for value in session.get_inputs():
                shape = [d if isinstance(d, int) else extents.get(d, 2) for d in value.shape]
                feed[value.name] = np.ones(shape, np.float32)
            names = [output.name for output in session.get_outputs()]
            for name, value in zip(names, session.run(names, feed)):
                if list(value.shape) != shapes.get(name):
                    print("DIFFERENT", path, name, value.shape, shapes.get(name))
                    bad = 1
        sys.exit(bad)
        """
}
