import Foundation
import Graphs
import Kernels
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// Models of 16-bit floating-point numbers go through calibration and evaluation and keep their interface.
@Suite struct HalfPrecisionModelTests {
    /// The digits network with constants, inputs and outputs of another type.
    private static func model(_ type: ElementType) throws -> Graph {
        var graph = try ONNXModel.load(from: URL(filePath: Example.model)).graph
        graph.initializers = graph.initializers.mapValues { $0.elementType == .float32 ? $0.converted(to: type) : $0 }
        for index in graph.inputs.indices { graph.inputs[index].type.elementType = type }
        for index in graph.outputs.indices { graph.outputs[index].type.elementType = type }
        return graph
    }

    @Test(arguments: [ElementType.float16, .bfloat16])
    func theyAreCalibratedInFloat32(type: ElementType) throws {
        let folder = try TemporaryFolder()
        let path = folder.path("half.onnx")
        try ONNXModel.write(Self.model(type), to: URL(filePath: path))
        let calibrated = try TareProcess.run(
            [
                "calibrate", path, "--data", Example.calibration, "--workers", "2", "--output",
                folder.path("half.int8.onnx"),
            ], in: folder.url)
        try #require(calibrated.status == 0, "\(calibrated.errors)")
        let float = try ONNXModel.load(from: URL(filePath: path)).graph
        let quantized = try ONNXModel.load(from: URL(filePath: folder.path("half.int8.onnx"))).graph
        #expect(quantized.inputs == float.inputs)
        #expect(quantized.outputs.map(\.name) == float.outputs.map(\.name))
        #expect(quantized.outputs.map(\.type.elementType) == [type])
        #expect(
            quantized.nodes.contains {
                guard case .convolution = $0.op, let weight = $0.input(1) else { return false }
                return quantized.initializers[weight] == nil
            })

        let evaluated = try TareProcess.run(
            ["evaluate", path, folder.path("half.int8.onnx"), "--data", Example.calibration, "--json"], in: folder.url)
        try #require(evaluated.status == 0, "\(evaluated.errors)")
        let report = try #require(JSONSerialization.jsonObject(with: Data(evaluated.output.utf8)) as? [String: Any])
        let layers = try #require(report["layers"] as? [[String: Any]])
        let output = try #require(layers.first { $0["isOutput"] as? Bool == true })
        #expect(try #require((output["total"] as? [String: Any])?["sqnrDecibels"] as? Double) > 25)
    }
}
