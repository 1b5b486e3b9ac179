import Conversion
import Execution
import Foundation
import Graphs
import Quantization
import Tensors
import TestSupport
import Testing

@testable import MLU

/// What the guide's software gave for the inputs of `goldens_catch.json`.
private struct CatchGoldens: Decodable {
    struct Case: Decodable {
        struct Run: Decodable {
            let y: [[Double]]
        }
        let dtype: String
        let perChannel: Bool
        let stateDict: [String: [Double]]
        let cpuForwardWhileGenerating: [[Float]]
        let exactRun: Run
    }
    struct ObserverRuns: Decodable {
        struct Configuration: Decodable {
            let useAvg: Bool?
            let dataScale: Double?
            let iteration: Int?
        }
        struct Run: Decodable {
            let cfg: Configuration
            let min: Double
            let max: Double
            let acceptedCalls: Int
            let inputScale: Double
        }
        let batches: [[Float]]
        let runs: [Run]
    }
    let weight: [[Float]]
    let bias: [Float]
    let data: [[Float]]
    let floatY: [[Float]]
    let cases: [Case]
    let observerRuns: ObserverRuns

    private enum CodingKeys: String, CodingKey {
        case weight = "W"
        case bias = "b"
        case data = "X"
        case floatY, cases, observerRuns
    }

    static func read() throws -> CatchGoldens {
        let url = Fixtures.directory.appending(path: "goldens/goldens_catch.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(CatchGoldens.self, from: Data(contentsOf: url))
    }

    /// The float layer `fc` of the goldens.
    var graph: Graph {
        Graph(
            name: "goldens",
            inputs: [.init(name: "x", type: TensorType(elementType: .float32, dimensions: [.unknown, 3]))],
            outputs: [.init(name: "y", type: TensorType(elementType: .float32, dimensions: nil))],
            initializers: [
                "fc.weight": Tensor(shape: [2, 3], elements: weight.flatMap { $0 }),
                "fc.bias": Tensor(shape: [2], elements: bias),
            ],
            nodes: [
                Node(
                    name: "fc", op: .gemm(GemmAttributes(transposeB: true)), inputs: ["x", "fc.weight", "fc.bias"],
                    outputs: ["y"])
            ])
    }

    var input: [String: Tensor] { ["x": Tensor(shape: [2, 3], elements: data.flatMap { $0 })] }
}

/// A float layer that passes its input to a linear layer, to see what is observed.
private func identityNetwork() -> Graph {
    Graph(
        name: "identity",
        inputs: [.init(name: "x", type: TensorType(elementType: .float32, dimensions: [.unknown, 2]))],
        outputs: [.init(name: "y", type: TensorType(elementType: .float32, dimensions: nil))],
        initializers: ["fc.weight": Tensor(shape: [1, 2], elements: [Float(1), 1])],
        nodes: [
            Node(
                name: "fc", op: .gemm(GemmAttributes(transposeB: true)), inputs: ["x", "fc.weight"], outputs: ["y"])
        ])
}

extension Tensor {
    fileprivate func relativeError(to reference: Tensor) -> Double {
        let pairs = zip(elements(as: Float.self), reference.elements(as: Float.self))
        let error = pairs.reduce(0.0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
        let power = reference.elements(as: Float.self).reduce(0.0) { $0 + Double($1) * Double($1) }
        return (error / power).squareRoot()
    }
}

@Suite struct MLUCalibrationTests {
    @Test func everyStateDictionaryOfTheGoldensIsReproduced() throws {
        let goldens = try CatchGoldens.read()
        #expect(goldens.cases.count == 4)
        for expected in goldens.cases {
            let specification = MLUQuantizationSpecification(isPerChannel: expected.perChannel)
            let conversion = try goldens.graph.quantizeDynamicMLU(
                qconfigSpec: specification, dtype: expected.dtype, genQuant: true)
            let calibration = try MLUCalibration(conversion)
            let outputs = try calibration.run(goldens.input)
            #expect(outputs["y"]?.elements(as: Float.self) == expected.cpuForwardWhileGenerating.flatMap { $0 })
            let (state, warnings) = calibration.stateDictionary()
            #expect(warnings.isEmpty)
            #expect(Set(state.names) == Set(expected.stateDict.keys))
            for (name, values) in expected.stateDict {
                let tensor = try #require(state[name])
                let found: [Double] =
                    switch tensor.elementType {
                    case .float32: tensor.elements(as: Float.self).map { Double($0) }
                    case .int32: tensor.elements(as: Int32.self).map { Double($0) }
                    default: tensor.elements(as: Int64.self).map { Double($0) }
                    }
                #expect(found.count == values.count)
                for (value, wanted) in zip(found, values) {
                    #expect(abs(value - wanted) <= 1e-6 * abs(wanted), "\(expected.dtype) \(name)")
                }
            }
            // The state dictionary, loaded and run, gives the goldens' result.
            var run = try goldens.graph.quantizeDynamicMLU().graph
            try run.loadMLUState(state)
            let result = try #require(ReferenceExecutor(run).run(goldens.input)["y"]).elements(as: Float.self)
            for (value, wanted) in zip(result, expected.exactRun.y.flatMap { $0 }) {
                #expect(abs(Double(value) - wanted) <= 1e-6 * abs(wanted))
            }
        }
    }

    @Test func everyObserverRunOfTheGoldensIsReproduced() throws {
        let runs = try CatchGoldens.read().observerRuns
        #expect(runs.runs.count == 6)
        for expected in runs.runs {
            // What the guide's software has where a key is absent: one call, and the first counts twice.
            let specification = MLUQuantizationSpecification(
                usesAverage: expected.cfg.useAvg ?? false, dataScale: expected.cfg.dataScale ?? 1,
                iteration: expected.cfg.iteration ?? 1, averaging: .firstCallTwice)
            let calibration = try MLUCalibration(
                identityNetwork().quantizeDynamicMLU(qconfigSpec: specification, dtype: "int8", genQuant: true))
            for batch in runs.batches { _ = try calibration.run(["x": Tensor(shape: [1, 2], elements: batch)]) }
            let observer = try #require(calibration.observer(of: "fc"))
            #expect(abs(observer.minimum - expected.min) < 1e-6 && abs(observer.maximum - expected.max) < 1e-6)
            #expect(observer.callCount == expected.acceptedCalls)
            let (state, warnings) = calibration.stateDictionary()
            let scale = try #require(state["fc.scale"]?.elements(as: Float.self)[0])
            #expect(abs(Double(scale) - expected.inputScale) <= 1e-6 * expected.inputScale)
            // Calls after the limit are ignored with a warning; the result stays usable.
            let ignored = runs.batches.count - expected.acceptedCalls
            #expect(
                warnings
                    == (ignored == 0
                        ? []
                        : [
                            .ignoredCalls(path: "fc", recorded: expected.acceptedCalls, ignored: ignored)
                        ]))
        }
    }

    @Test(arguments: [
        (false, 1.0, 14.111111), (true, 1.0, 25.4), (false, 0.5, 28.222222), (true, 2.0, 12.7),
    ])
    func allCallsCountAndTheAverageIsTheTrueMean(usesAverage: Bool, dataScale: Double, expected: Float) throws {
        let batches: [[Float]] = [[-1, 2], [-3, 4], [-5, 9]]
        let specification = MLUQuantizationSpecification(usesAverage: usesAverage, dataScale: dataScale)
        let calibration = try MLUCalibration(
            identityNetwork().quantizeDynamicMLU(qconfigSpec: specification, dtype: "int8", genQuant: true))
        for batch in batches { _ = try calibration.run(["x": Tensor(shape: [1, 2], elements: batch)]) }
        let scale = try #require(calibration.stateDictionary().state["fc.scale"]?.elements(as: Float.self))
        #expect(abs(scale[0] - expected) <= 1e-6 * expected)
        #expect(scale[1] == 127, "data_scale does not reach the weights")
    }

    @Test func oddRangesGiveScaleOneAndSayWhy() throws {
        func calibrated(_ batches: [[Float]]) throws -> (Float, [MLUWarning]) {
            let calibration = try MLUCalibration(identityNetwork().quantizeDynamicMLU(dtype: "int8", genQuant: true)) {
                (graph, observed) throws(ExecutionError) in try ReferenceExecutor(graph, observing: observed)
            }
            for batch in batches { _ = try calibration.run(["x": Tensor(shape: [1, 2], elements: batch)]) }
            let (state, warnings) = calibration.stateDictionary()
            return (try #require(state["fc.scale"]?.elements(as: Float.self)[0]), warnings)
        }
        #expect(try calibrated([[0, 0]]) == (1, []))
        for (batches, reason) in [
            ([], .neverCalibrated), ([[1, 2], [.nan, 1]], .notANumber), ([[1, -.infinity]], .infinite),
            ([[0x1p-130, 0]], .tooSmall),
        ] as [([[Float]], MLUScaleWarning)] {
            let (scale, warnings) = try calibrated(batches)
            #expect(scale == 1 && warnings == [.scale(path: "fc", parameter: "input", reason: reason)])
        }
    }

    /// The ONNX form and the report need the reciprocal too.
    @Test(arguments: [Double.infinity, 1e41, 1e46])
    func aScaleWithoutReciprocalIsOne(magnitude: Double) {
        #expect(MLUScale(largestMagnitude: magnitude, type: .int8) == MLUScale(value: 1, warning: .infinite))
    }

    @Test func weightsThatAreNotFiniteGiveScaleOneAndSayWhy() throws {
        var graph = identityNetwork()
        graph.initializers["fc.weight"] = Tensor(shape: [3, 2], elements: [Float(1), .nan, 0, 0, 2, -4])
        let conversion = try graph.quantizeDynamicMLU(
            qconfigSpec: MLUQuantizationSpecification(isPerChannel: true), dtype: "int8", genQuant: true)
        let result = conversion.calibrated(inputScales: ["fc": MLUScale(value: 2)])
        #expect(result.graph.initializers["fc.scale"]?.elements(as: Float.self) == [2, 0, 1, 1, 31.75])
        #expect(result.warnings == [.scale(path: "fc", parameter: "weight", reason: .notANumber)])
    }

    // MARK: A network

    /// conv -> BN -> Relu -> conv -> add -> pool -> transpose -> linear over the last axis.
    private func network(channels: Int = 3) -> Graph {
        var random = SeededGenerator(seed: 12)
        var graph = Graph(
            name: "net",
            inputs: [
                .init(
                    name: "x",
                    type: TensorType(elementType: .float32, dimensions: [.unknown, .fixed(channels), 12, 12]))
            ],
            outputs: [.init(name: "y", type: TensorType(elementType: .float32, dimensions: nil))], nodes: [])
        func constant(_ name: String, _ shape: Shape, _ factor: Float, plus offset: Float = 0) -> String {
            graph.initializers[name] = Tensor(
                shape: shape, elements: (0..<shape.elementCount).map { _ in abs(offset) + random.normal() * factor })
            return name
        }
        let padding = ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1]))
        let weight = constant("conv.weight", [8, channels, 3, 3], 0.2)
        graph.nodes.append(Node(name: "conv", op: .convolution(padding), inputs: ["x", weight], outputs: ["c"]))
        let normalization = [
            constant("bn.weight", [8], 0.1, plus: 1), constant("bn.bias", [8], 0.1),
            constant("bn.running_mean", [8], 0.1), constant("bn.running_var", [8], 0.01, plus: 1),
        ]
        graph.nodes.append(
            Node(
                name: "bn", op: .batchNormalization(BatchNormalizationAttributes()), inputs: ["c"] + normalization,
                outputs: ["n"]))
        graph.nodes.append(Node(name: "relu", op: .unary(.relu), inputs: ["n"], outputs: ["r"]))
        let second = [constant("two.weight", [8, 8, 3, 3], 0.2), constant("two.bias", [8], 0.2)]
        graph.nodes.append(Node(name: "two", op: .convolution(padding), inputs: ["r"] + second, outputs: ["t"]))
        graph.nodes.append(Node(name: "add", op: .binary(.add), inputs: ["t", "r"], outputs: ["a"]))
        graph.nodes.append(
            Node(
                name: "pool", op: .maxPool(PoolingAttributes(kernelShape: [2, 2], strides: [2, 2])), inputs: ["a"],
                outputs: ["p"]))
        graph.nodes.append(
            Node(name: "turn", op: .transpose(permutation: [0, 2, 3, 1]), inputs: ["p"], outputs: ["q"]))
        graph.nodes.append(
            Node(name: "fc", op: .matMul, inputs: ["q", constant("fc.kernel", [8, 10], 0.3)], outputs: ["m"]))
        graph.nodes.append(
            Node(name: "fcbias", op: .binary(.add), inputs: ["m", constant("fc.bias", [10], 0.1)], outputs: ["y"]))
        return graph
    }

    private func images(_ seed: UInt64, count: Int = 2, channels: Int = 3) -> Tensor {
        var random = SeededGenerator(seed: seed)
        let shape: Shape = [count, channels, 12, 12]
        return Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in random.normal() })
    }

    @Test func calibrationReturnsTheFloatModelsOutputToTheBitAndSeesInputs() throws {
        let float = network()
        let conversion = try float.quantizeDynamicMLU(dtype: "int8", genQuant: true)
        #expect(conversion.modules.map(\.path) == ["conv", "two", "fc"])
        let calibration = try MLUCalibration(conversion)
        for seed in 1...3 as ClosedRange<UInt64> {
            let inputs = ["x": images(seed)]
            #expect(try calibration.run(inputs) == AcceleratedExecutor(float).run(inputs))
            #expect(try ReferenceExecutor(conversion.graph).run(inputs) == ReferenceExecutor(float).run(inputs))
        }
        let observer = try #require(calibration.observer(of: "conv"))
        let elements = (1...3).flatMap { images($0).elements(as: Float.self) }
        #expect(observer.callCount == 3)
        #expect(observer.minimum == Double(try #require(elements.min())))
        #expect(observer.maximum == Double(try #require(elements.max())))
        #expect(try #require(calibration.observer(of: "two")).minimum == 0, "the input of a layer after Relu")
        // Taking the state does not end the calibration.
        let early = calibration.stateDictionary().state
        _ = try calibration.run(["x": Tensor(shape: [1, 3, 12, 12], elements: [Float](repeating: 90, count: 432))])
        #expect(calibration.stateDictionary().state["conv.scale"] != early["conv.scale"])
    }

    @Test(arguments: [(false, nil), (true, nil), (true, 2), (false, 1)] as [(Bool, Int?)])
    func aDistributedCalibrationGivesTheSameStateDictionary(usesAverage: Bool, iteration: Int?) throws {
        let specification = MLUQuantizationSpecification(
            usesAverage: usesAverage, dataScale: 0.9, isPerChannel: true, iteration: iteration)
        var graph = network()
        // A module that is called twice in each run.
        graph.nodes[4] = Node(
            name: "again", op: graph.nodes[3].op, inputs: ["t", "two.weight", "two.bias"], outputs: ["a"])
        let conversion = try graph.quantizeDynamicMLU(qconfigSpec: specification, dtype: "int8", genQuant: true)
        #expect(conversion.modules[1].calls.map(\.data) == ["r", "t"])
        let calibration = try MLUCalibration(conversion)
        let tap = BatchTap()
        let executor = try AcceleratedExecutor(graph, observing: conversion.observedTensors)
        for batch in 0..<4 as Range<UInt64> {
            _ = try calibration.run(["x": images(batch)])
            tap.ranges = [:]
            _ = try executor.run(["x": images(batch)], tap: tap)
            tap.endBatch(batch)
        }
        let observers = try conversion.observers(from: tap.statistics())
        let expected = calibration.stateDictionary()
        let found = conversion.stateDictionary(observers: observers)
        #expect(found.state == expected.state && found.warnings == expected.warnings)
        #expect(try #require(observers["two"]).callCount == iteration ?? 8)
    }

    // MARK: The cases of the guide's software

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
            #expect(try error(network(), specification, dtype: "int8", input: images(4)) <= 0.02)
            #expect(try error(network(), specification, dtype: "int16", input: images(4)) <= 0.0005)
        }
    }
}

/// Gathers statistics by batch, as a worker does.
private final class BatchTap: TensorTap {
    var ranges: [String: CallRange] = [:]
    private var elements: [String: UInt64] = [:]
    private var batches: [String: [BatchRange]] = [:]

    func observe(_ value: String, elements: Span<Float>) {
        ranges[value, default: CallRange()].include(elements)
        self.elements[value, default: 0] += UInt64(elements.count)
    }

    func endBatch(_ index: UInt64) {
        for (name, range) in ranges {
            batches[name, default: []].append(
                BatchRange(
                    batchIndex: index, range: TensorRange(minimum: range.minimum, maximum: range.maximum)))
        }
    }

    func statistics() throws -> [String: TensorStatistics] {
        var result: [String: TensorStatistics] = [:]
        for (name, batches) in batches {
            result[name] = try TensorStatistics(
                counts: ElementCounts(total: elements[name] ?? 0),
                range: batches.reduce(nil) { TensorRange.union($0, $1.range) }, histogram: nil, batches: batches)
        }
        return result
    }
}
