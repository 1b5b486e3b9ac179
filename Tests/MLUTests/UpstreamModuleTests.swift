import Conversion
import Execution
import Graphs
import Tensors
import TestSupport
import Testing

@testable import MLU

extension Tensor {
    fileprivate func relativeError(to reference: Tensor) -> Double {
        let pairs = zip(elements(as: Float.self), reference.elements(as: Float.self))
        let error = pairs.reduce(0.0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
        let power = reference.elements(as: Float.self).reduce(0.0) { $0 + Double($1) * Double($1) }
        return (error / power).squareRoot()
    }
}

/// The cases of the guide's software that compare quantized modules with float ones.
@Suite struct UpstreamModuleTests {
    /// Generates on `input`, loads into a fresh model, and gives the error of running it with `raw` against the float model.
    private func error(
        _ graph: Graph, _ specification: MLUQuantizationSpecification, dtype: String, input: Tensor,
        raw: Tensor? = nil, half: Bool = false
    ) throws -> Double {
        let calibration = try MLUCalibration(
            graph.quantizeDynamicMLU(qconfigSpec: specification, dtype: dtype, genQuant: true))
        let expected = try #require(calibration.run(["x": input])["y"])
        #expect(try expected == AcceleratedExecutor(graph).run(["x": input])["y"])
        var blank = graph
        for (name, tensor) in blank.initializers where tensor.elementType == .float32 {
            blank.initializers[name] = Tensor(zeros: tensor.shape, elementType: .float32)
        }
        var run = try blank.quantizeDynamicMLU().graph
        try run.loadMLUState(calibration.stateDictionary().state)
        if half { run = try run.castingMLUToHalf() }
        var data = raw ?? input
        if half {
            data = Tensor(shape: data.shape, elements: data.elements(as: Float.self).map { Float16($0) })
        }
        let result = try #require(ReferenceExecutor(run).run(["x": data])["y"])
        try DeviceAgreement.expect(run, ["x": data], output: "y", equals: result)
        guard half else { return result.relativeError(to: expected) }
        #expect(result.elementType == .float16)
        return Tensor(shape: result.shape, elements: result.elements(as: Float16.self).map { Float($0) })
            .relativeError(to: expected)
    }

    private func layer(_ op: Operator, input: [Graphs.Dimension], weight: Shape, bias: Int?, seed: UInt64) -> Graph {
        var random = SeededGenerator(seed: seed)
        var initializers = [
            "layer.weight": Tensor(
                shape: weight, elements: (0..<weight.elementCount).map { _ in random.normal() * 0.1 })
        ]
        if let bias {
            initializers["layer.bias"] = Tensor(shape: [bias], elements: (0..<bias).map { _ in random.normal() })
        }
        return Graph(
            name: "layer", inputs: [.init(name: "x", type: TensorType(elementType: .float32, dimensions: input))],
            outputs: [.init(name: "y", type: TensorType(elementType: .float32, dimensions: nil))],
            initializers: initializers,
            nodes: [
                Node(
                    name: "layer", op: op, inputs: ["x", "layer.weight"] + (bias == nil ? [] : ["layer.bias"]),
                    outputs: ["y"])
            ])
    }

    /// Case 34 of the guide's software.
    @Test(arguments: ["int8", "int16"], [false, true])
    func convolutionsStayWithinTwoPercent(dtype: String, isPerChannel: Bool) throws {
        let attributes = ConvolutionAttributes(
            strides: [3, 3], padding: .explicit(before: [3, 3], after: [3, 3]))
        for bias in [nil, 64] {
            for half in [false, true] {
                let graph = layer(
                    .convolution(attributes), input: [.symbol("N"), 64, 24, 24], weight: [64, 64, 3, 3], bias: bias,
                    seed: 34)
                var random = SeededGenerator(seed: 1)
                let input = Tensor(shape: [3, 64, 24, 24], elements: (0..<3 * 64 * 576).map { _ in random.normal() })
                let error = try error(
                    graph, MLUQuantizationSpecification(isPerChannel: isPerChannel), dtype: dtype, input: input,
                    half: half)
                #expect(error <= (dtype == "int16" && !half ? 0.0005 : 0.02), "\(bias ?? 0) \(half)")
            }
        }
    }

    /// Case 35 of the guide's software.
    @Test func firstconvOnRawPixelsEqualsNormalizingOnTheHost() throws {
        let mean = [0.485, 0.456, 0.406, 0.449]
        let std = [0.229, 0.224, 0.225, 0.226]
        let specification = MLUQuantizationSpecification(firstConvolution: true, mean: mean, std: std)
        for (kernel, seed) in [(3, 1), (5, 2), (10, 3)] as [(Int, UInt64)] {
            let graph = layer(
                .convolution(
                    ConvolutionAttributes(strides: [1, 4], padding: .explicit(before: [2, 2], after: [2, 2]))),
                input: [1, 4, 20, 20], weight: [8, 4, kernel, kernel], bias: 8, seed: seed)
            var random = SeededGenerator(seed: seed)
            let raw = Tensor(
                shape: [1, 4, 20, 20], elements: (0..<1600).map { _ in Float(random.next() % 256) })
            let normalized = Tensor(
                shape: raw.shape,
                elements: raw.elements(as: Float.self).enumerated().map { index, pixel in
                    (pixel / 255 - Float(mean[index / 400])) / Float(std[index / 400])
                })
            for dtype in ["int8", "int16"] {
                #expect(try error(graph, specification, dtype: dtype, input: normalized, raw: raw) <= 0.02)
            }
            // The device normalizes: the same model without firstconv on the host's normalized data agrees.
            #expect(
                try error(graph, MLUQuantizationSpecification(), dtype: "int8", input: normalized) <= 0.02)
        }
    }

    /// Case 36 of the guide's software.
    @Test(arguments: ["int8", "int16"], [false, true])
    func linearLayersStayWithinTwoPercent(dtype: String, isPerChannel: Bool) throws {
        for (rows, inputs, outputs) in [(1, 10, 25), (10, 50, 75), (20, 100, 125)] {
            for (bias, half) in [(nil, false), (outputs, false), (outputs, true)] as [(Int?, Bool)] {
                let graph = layer(
                    .gemm(GemmAttributes(transposeB: true)), input: [.symbol("N"), .fixed(inputs)],
                    weight: [outputs, inputs], bias: bias, seed: 36)
                var random = SeededGenerator(seed: 7)
                let input = Tensor(
                    shape: [rows, inputs],
                    elements: (0..<rows * inputs).map { _ in Float(random.next() >> 40) / Float(1 << 24) })
                let error = try error(
                    graph, MLUQuantizationSpecification(isPerChannel: isPerChannel), dtype: dtype, input: input,
                    half: half)
                #expect(error <= 0.02, "\(rows) \(inputs) \(outputs) \(half)")
            }
        }
    }

    /// Case 37 of the guide's software.
    @Test func aNetworkOfQuantizedAndFloatLayersStaysWithinTwoPercent() throws {
        for isPerChannel in [false, true] {
            let specification = MLUQuantizationSpecification(isPerChannel: isPerChannel)
            #expect(
                try error(ModuleNetwork.graph(), specification, dtype: "int8", input: ModuleNetwork.images(4)) <= 0.02)
            #expect(
                try error(ModuleNetwork.graph(), specification, dtype: "int16", input: ModuleNetwork.images(4))
                    <= 0.0005)
        }
    }
}
