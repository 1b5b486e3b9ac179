import Conversion
import Foundation
import Graphs
import ONNXFormat
import Quantization
import TestSupport
import Testing

/// Our quantized models beside those of ONNX Runtime's own quantizer, from the same float model and the same ranges.
@Suite struct ONNXRuntimeQuantizerTests {
    /// What `ort_compare.py` prints.
    private struct Comparison: Decodable {
        var onlyOurs: [String]
        var onlyTheirs: [String]
        var constants: [String]
        var nodes: Int
        var difference: [String: Float]
    }

    private static func model(_ name: String) -> URL? {
        switch name {
        case "digits": Fixtures.directory.appending(path: "../../Examples/digits/digits.onnx")
        case let own where own.hasPrefix("fmnist"): Fixtures.directory.appending(path: "models/\(name).onnx")
        default: Fixtures.shared("models/\(name).onnx")
        }
    }

    private static func temporaryFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    private static func script(_ name: String) throws -> String {
        try String(contentsOf: Fixtures.directory.appending(path: "oracle/\(name).py"), encoding: .utf8)
    }

    private static func compare(
        _ name: String, granularity: QuantizationGranularity, activations: QuantizationScheme
    ) throws -> Comparison? {
        guard let source = model(name) else { return nil }
        return try compare(source, granularity: granularity, activations: activations)
    }

    private static func compare(
        _ source: URL, granularity: QuantizationGranularity, activations: QuantizationScheme
    ) throws -> Comparison? {
        guard let python = PythonOracle.interpreter() else { return nil }
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["float.onnx", "theirs.onnx", "ranges.json", "ours.onnx"].map { folder.appending(path: $0) }

        // ONNX Runtime's quantizer sees operators that are written out node by node.
        let prepared = try PreparedGraph(ONNXModel.load(from: source).graph, fusesOperators: false)
        try ONNXModel.write(prepared.graph, to: files[0])
        let quantized = try PythonOracle.run(
            python, script: script("ort_quantize"),
            arguments: files[..<3].map { $0.path(percentEncoded: false) }
                + [granularity.rawValue, activations.type.rawValue])
        try #require(quantized.status == 0, Comment(rawValue: quantized.output))

        let ranges = try JSONDecoder().decode([String: [Double]].self, from: Data(contentsOf: files[2]))
        let options = QuantizationOptions(
            activations: activations,
            weights: QuantizationScheme(type: .int8, isSymmetric: true, granularity: granularity))
        let plan = try QuantizationPlan(prepared, options: options)
        var parameters: [String: QuantizationParameters] = [:]
        for tensor in plan.observedTensors {
            let ends = try #require(ranges[tensor], "ONNX Runtime does not observe '\(tensor)'")
            let range = try #require(TensorRange(checking: Float(ends[0]), Float(ends[1])))
            parameters[tensor] = QuantizationParameters(range: range, scheme: activations)
        }
        try ONNXModel.write(plan.quantize(parameters).graph, to: files[3])
        let compared = try PythonOracle.run(
            python, script: script("ort_compare"),
            arguments: [files[3], files[1]].map { $0.path(percentEncoded: false) })
        try #require(compared.status == 0, Comment(rawValue: compared.output))
        return try JSONDecoder().decode(Comparison.self, from: Data(compared.output.utf8))
    }

    private static func expectIdentical(
        _ name: String, granularity: QuantizationGranularity, activations: QuantizationScheme
    ) throws {
        guard let result = try compare(name, granularity: granularity, activations: activations) else { return }
        expectIdentical(result)
    }

    private static func expectIdentical(_ result: Comparison) {
        #expect(result.onlyOurs.isEmpty && result.onlyTheirs.isEmpty && result.constants.isEmpty, "\(result)")
        #expect(result.difference == ["optimised": 0, "plain": 0])
        #expect(result.nodes > 0)
    }

    private static let standard = QuantizationScheme(type: .uint8, isSymmetric: false)

    @Test(
        arguments: ["fmnist_resnet", "fmnist_mobile", "fmnist_lstm", "fmnist_vit", "digits"],
        QuantizationGranularity.allCases)
    func modelIsTheSameAsThatOfONNXRuntime(name: String, granularity: QuantizationGranularity) throws {
        try Self.expectIdentical(name, granularity: granularity, activations: Self.standard)
    }

    @Test(arguments: ["cifar_resnet20", "ort_mnist_cntk", "ultraface_version-RFB-320", "yunet_n_dynamic"])
    func thirdPartyModelIsTheSameAsThatOfONNXRuntime(name: String) throws {
        try Self.expectIdentical(name, granularity: .perChannel, activations: Self.standard)
    }

    /// GatherElements, Where, InstanceNormalization, TopK, CumSum and ArgMax.
    @Test(arguments: QuantizationGranularity.allCases)
    func operatorsOfNoModelAreTheSameAsThoseOfONNXRuntime(granularity: QuantizationGranularity) throws {
        guard let python = PythonOracle.interpreter() else { return }
        let folder = try Self.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let model = folder.appending(path: "operators.onnx")
        let made = try PythonOracle.run(
            python, script: Self.script("ort_operators"), arguments: [model.path(percentEncoded: false)])
        try #require(made.status == 0, Comment(rawValue: made.output))
        let result = try #require(
            try Self.compare(model, granularity: granularity, activations: Self.standard))
        Self.expectIdentical(result)
    }

    @Test(arguments: ["fmnist_resnet", "fmnist_mobile"])
    func symmetricModelIsTheSameAsThatOfONNXRuntime(name: String) throws {
        let scheme = QuantizationScheme(type: .int8, isSymmetric: true)
        try Self.expectIdentical(name, granularity: .perChannel, activations: scheme)
    }
}
