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

    @Test func calibrationReturnsTheFloatModelsOutputToTheBitAndSeesInputs() throws {
        let float = ModuleNetwork.graph()
        let conversion = try float.quantizeDynamicMLU(dtype: "int8", genQuant: true)
        #expect(conversion.modules.map(\.path) == ["conv", "two", "fc"])
        let calibration = try MLUCalibration(conversion)
        for seed in 1...3 as ClosedRange<UInt64> {
            let inputs = ["x": ModuleNetwork.images(seed)]
            #expect(try calibration.run(inputs) == AcceleratedExecutor(float).run(inputs))
            #expect(try ReferenceExecutor(conversion.graph).run(inputs) == ReferenceExecutor(float).run(inputs))
        }
        let observer = try #require(calibration.observer(of: "conv"))
        let elements = (1...3).flatMap { ModuleNetwork.images($0).elements(as: Float.self) }
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
        var graph = ModuleNetwork.graph()
        // A module that is called twice in each run.
        graph.nodes[4] = Node(
            name: "again", op: graph.nodes[3].op, inputs: ["t", "two.weight", "two.bias"], outputs: ["a"])
        let conversion = try graph.quantizeDynamicMLU(qconfigSpec: specification, dtype: "int8", genQuant: true)
        #expect(conversion.modules[1].calls.map(\.data) == ["r", "t"])
        let calibration = try MLUCalibration(conversion)
        let tap = BatchTap()
        let executor = try AcceleratedExecutor(graph, observing: conversion.observedTensors)
        for batch in 0..<4 as Range<UInt64> {
            _ = try calibration.run(["x": ModuleNetwork.images(batch)])
            tap.ranges = [:]
            _ = try executor.run(["x": ModuleNetwork.images(batch)], tap: tap)
            tap.endBatch(batch)
        }
        let observers = try conversion.observers(from: tap.statistics())
        let expected = calibration.stateDictionary()
        let found = conversion.stateDictionary(observers: observers)
        #expect(found.state == expected.state && found.warnings == expected.warnings)
        #expect(try #require(observers["two"]).callCount == iteration ?? 8)
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
