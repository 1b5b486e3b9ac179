import Conversion
import Graphs
import Tensors
import TestSupport
import Testing

@testable import MLU

@Suite struct FirstconvTransferTests {
    /// A camera image goes over the link with a byte for each pixel instead of four, and the numbers are the same.
    @Test func rawPixelsTakeAQuarterOfTheTransfer() throws {
        var random = SeededGenerator(seed: 11)
        let graph = Graph(
            [
                Node(
                    name: "conv", op: .convolution(ConvolutionAttributes()), inputs: ["x", "conv.weight"],
                    outputs: ["y"])
            ], input: [1, 3, 32, 32],
            initializers: ["conv.weight": Tensor(random: [8, 3, 3, 3], &random, scale: 0.1)])
        let specification = MLUQuantizationSpecification(
            firstConvolution: true, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
        let calibration = try MLUCalibration(
            graph.quantizeDynamicMLU(qconfigSpec: specification, dtype: "int8", genQuant: true))
        _ = try calibration.run(["x": Tensor(random: [1, 3, 32, 32], &random)])
        var run = try graph.quantizeDynamicMLU().graph
        try run.loadMLUState(calibration.stateDictionary().state)
        let pixels = (0..<3 * 32 * 32).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let raw = Tensor(shape: [1, 3, 32, 32], elements: pixels)
        let floats = Tensor(shape: [1, 3, 32, 32], elements: pixels.map(Float.init))
        for traces in [false, true] {
            func outcome(_ input: Tensor) throws -> DeviceOutcome {
                let device = MLUDevice(.edge)
                return traces
                    ? try TracedBackend(tracing: run, on: device, example: ["x": input]).run(["x": input])
                    : try EagerBackend(run, on: device).run(["x": input])
            }
            let bytes = try outcome(raw)
            let words = try outcome(floats)
            #expect(bytes.outputs["y"] == words.outputs["y"])
            #expect(bytes.report.rows[0].bytes == 3 * 32 * 32 && words.report.rows[0].bytes == 4 * 3 * 32 * 32)
            let saved = Double(3 * 3 * 32 * 32) / DeviceModel.edge.linkBytesPerCycle
            #expect(words.report.totalCycles - bytes.report.totalCycles == Int(saved))
        }
    }
}
