import Conversion
import Execution
import Graphs
import Tensors
import TestSupport
import Testing

@testable import MLU

@Suite struct CircularPaddingTests {
    /// Exporters write `padding_mode="circular"` as a wrapping Pad before the convolution.
    @Test(arguments: ["int8", "int16"])
    func aConvolutionBehindAWrappingPadIsQuantizedAndStaysNearTheFloatLayer(dtype: String) throws {
        var random = SeededGenerator(seed: 68)
        let graph = Graph(
            [
                Node(name: "pad", op: .pad(.wrap), inputs: ["x", "pads"], outputs: ["p"]),
                Node(
                    name: "conv", op: .convolution(ConvolutionAttributes(strides: [2, 1], groups: 2)),
                    inputs: ["p", "conv.weight", "conv.bias"], outputs: ["y"]),
            ], input: [2, 4, 7, 6],
            initializers: [
                "pads": Tensor(shape: [8], elements: [Int64(0), 0, 1, 2, 0, 0, 1, 2]),
                "conv.weight": Tensor(random: [6, 2, 3, 3], &random), "conv.bias": Tensor(random: [6], &random),
            ])
        let input = Tensor(random: [2, 4, 7, 6], &random)
        let calibration = try MLUCalibration(graph.quantizeDynamicMLU(dtype: dtype, genQuant: true))
        let expected = try #require(calibration.run(["x": input])["y"])
        var run = try graph.quantizeDynamicMLU().graph
        try run.loadMLUState(calibration.stateDictionary().state)
        let plain = try #require(ReferenceExecutor(run).run(["x": input])["y"])
        let power = expected.elements(as: Float.self).reduce(0) { $0 + Double($1 * $1) }
        let error = zip(plain.elements(as: Float.self), expected.elements(as: Float.self)).reduce(0) {
            $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1))
        }
        #expect((error / power).squareRoot() <= (dtype == "int8" ? 0.02 : 0.0005))
        try DeviceAgreement.expect(run, ["x": input], output: "y", equals: plain)
        for backend in [
            try EagerBackend(run, on: MLUDevice()).run(["x": input]).outputs["y"],
            try TracedBackend(tracing: run, on: MLUDevice(), example: ["x": input]).run(["x": input]).outputs["y"],
        ] {
            #expect(backend == plain)
        }
    }
}
