import Foundation
import Graphs
import Quantization
import Tensors
import TestSupport
import Testing

@testable import Training

@Suite struct QuantizationTests {
    /// A fake quantizer that MegEngine ran: `semantics.md` 2.4.
    struct Golden: Decodable, Sendable {
        let x: [Float]
        let y: [Float]
        let gx: [Float]
        let params: [Float]
        let gparams: [Float]
        let dtype: String?
        let qmin: Int?
        let scale: Float?
        let zeroPoint: Float?
        let gradScale: Float?
    }

    private struct Goldens: Decodable {
        let fakeQuant: [Golden]
        let tqt: [Golden]
        let lsq: [Golden]
    }

    private static func goldens() throws -> Goldens {
        let url = Fixtures.directory.appending(path: "goldens/goldens_megengine.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Goldens.self, from: Data(contentsOf: url))
    }

    private func check(_ golden: Golden, _ algorithm: FakeQuantSpecification.Algorithm) throws {
        let dtype = golden.dtype.flatMap(QuantDtype.init) ?? (golden.qmin == -127 ? .qint8Narrow : .qint8)
        let specification = FakeQuantSpecification(algorithm, dtype: dtype, epsilon: 0)
        func tensor(_ value: Float?) -> Tensor? { value.map { Tensor(shape: [1], elements: [$0]) } }
        let count = golden.x.count
        let operands = [
            Tensor(shape: [count], elements: golden.x), tensor(golden.params.first ?? golden.scale),
            tensor(golden.zeroPoint), tensor(golden.gradScale),
        ]
        let node = OneNode(.fakeQuantize(FakeQuantizeAttributes(specification)), operands, fixed: [2, 3])
        let executor = try TrainingExecutor(node.graph, trained: node.trained, lossInput: "y")
        let up = Tensor(shape: [count], elements: (0..<count).map { Float($0 + 1) / Float(count) })
        let result = try executor.run(inputs: [:], loss: .innerProduct, targets: up)
        #expect(distance(result.outputs["y"], Tensor(shape: [count], elements: golden.y)) < 1e-7)
        #expect(distance(result.gradients["x0"], Tensor(shape: [count], elements: golden.gx)) < 1e-6)
        let expected = golden.gparams.first ?? 0
        #expect(distance(result.gradients["x1"], Tensor(shape: [1], elements: [expected])) < 1e-5)
    }

    @Test func fakeQuantizersEqualMegEngine() throws {
        let goldens = try Self.goldens()
        for golden in goldens.fakeQuant { try check(golden, .fakeQuantize) }
        for golden in goldens.tqt { try check(golden, .tqt) }
        for golden in goldens.lsq { try check(golden, .lsq) }
        #expect(goldens.fakeQuant.count == 3 && goldens.tqt.count == 2 && goldens.lsq.count == 2)
    }

    /// The scale of each channel belongs to the channel in both layouts.
    @Test(arguments: [FakeQuantSpecification.Algorithm.fakeQuantize, .tqt, .lsq], [5, 6] as [UInt64])
    func channelsHaveTheirOwnParameters(_ algorithm: FakeQuantSpecification.Algorithm, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let shape: Shape = [2, 3, 4, 4]
        let x = Tensor(shape: shape, elements: (0..<96).map { _ in generator.normal() })
        let parameter = Tensor(shape: [3, 1, 1], elements: (0..<3).map { _ in abs(generator.normal()) * 0.1 + 0.01 })
        let up = Tensor(shape: shape, elements: (0..<96).map { _ in generator.normal() })
        let specification = FakeQuantSpecification(algorithm, dtype: .qint4)
        // The second graph pools first, which leaves the channels innermost.
        for isChannelsLast in [false, true] {
            let round = Node(
                name: "round", op: .fakeQuantize(.init(specification)), inputs: ["v", "p"], outputs: ["y"])
            let first = Node(
                name: "first", op: isChannelsLast ? .maxPool(.init(kernelShape: [1, 1])) : .identity, inputs: ["x"],
                outputs: ["v"])
            let graph = Graph(
                name: "test", inputs: [], outputs: [.init(name: "y", type: TensorType(x))],
                initializers: ["x": x, "p": parameter], nodes: [first, round])
            let executor = try TrainingExecutor(graph, trained: ["x", "p"], lossInput: "y")
            let result = try executor.run(inputs: [:], loss: .innerProduct, targets: up)
            let (values, ups) = (x.elements(as: Float.self), up.elements(as: Float.self))
            var (expected, gradient) = ([Float](), [Float]())
            var sums = [0.0, 0.0, 0.0]
            for index in values.indices {
                let channel = index / 16 % 3
                let quantizer = FakeQuantizer(specification, parameter: parameter.elements(as: Float.self)[channel])
                expected.append(quantizer(values[index]))
                let terms = quantizer.gradient(of: values[index], upstream: ups[index])
                gradient.append(terms.input)
                sums[channel] += terms.parameterTerm * quantizer.parameterFactor
            }
            #expect(result.outputs["y"] == Tensor(shape: shape, elements: expected), "seed \(seed)")
            #expect(result.gradients["x"] == Tensor(shape: shape, elements: gradient), "seed \(seed)")
            let sum = Tensor(shape: [3, 1, 1], elements: sums.map { Float($0) })
            #expect(distance(result.gradients["p"], sum) < 1e-6, "seed \(seed)")
        }
    }

    @Test func observersGiveTheScaleWithTheBatch() throws {
        func scalar(_ value: Float) -> Tensor { Tensor(shape: [1], elements: [value]) }
        let x = Tensor(shape: [5], elements: [-3, .nan, 1, 2, .infinity] as [Float])
        let specification = ObserverSpecification(.exponentialMovingAverage(momentum: 0.9), mode: .asymmetric)
        let state = [-1, 2, 0.9, 0.9].map { scalar($0) }
        for isEnabled in [true, false] {
            let node = OneNode(
                .observe(.init(specification, isEnabled: isEnabled)), [x] + state, outputCount: 4)
            var graph = node.graph
            graph.outputs = ["y", "y1", "y2", "y3"].map { .init(name: $0, type: TensorType(scalar(0))) }
            let executor = try TrainingExecutor(graph, trained: [], lossInput: "y")
            let outputs = try executor.forward(inputs: [:])
            var expected = try ObserverState(specification, tensors: state)
            if isEnabled { try expected.observe(batchMinimum: -3, maximum: 2) }
            let parameters = try expected.quantParameters()
            #expect(outputs["y"] == scalar(parameters.scale))
            #expect(outputs["y1"] == scalar(Float(parameters.zeroPoint ?? 0)))
            #expect(outputs["y2"] == scalar(-3))
            #expect(outputs["y3"] == scalar(2))
        }
    }

    /// The scale of an observed weight is not on the way of gradients.
    @Test func gradientsPassTheRounderAndNotTheObserver() throws {
        let w = Tensor(shape: [4], elements: [-1, 0.3, 0.5, 2] as [Float])
        let state = [Tensor(shape: [1], elements: [Float(0)]), Tensor(shape: [1], elements: [Float(0)])]
        let observe = Node(
            name: "observe", op: .observe(.init(ObserverSpecification(.minMax, dtype: .qint8Narrow))),
            inputs: ["w", "low", "high"], outputs: ["scale", "", "", ""])
        let round = Node(
            name: "round", op: .fakeQuantize(.init(FakeQuantSpecification(dtype: .qint8Narrow))),
            inputs: ["w", "scale"], outputs: ["y"])
        let graph = Graph(
            name: "test", inputs: [], outputs: [.init(name: "y", type: TensorType(w))],
            initializers: ["w": w, "low": state[0], "high": state[1]], nodes: [observe, round])
        let executor = try TrainingExecutor(graph, trained: ["w", "low"], lossInput: "y")
        let up = Tensor(shape: [4], elements: [1, 2, 3, 4] as [Float])
        let result = try executor.run(inputs: [:], loss: .innerProduct, targets: up)
        #expect(result.gradients["w"] == up)
        #expect(result.gradients["low"]?.elements(as: Float.self) == [0])
    }
}
