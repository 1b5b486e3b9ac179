import Execution
import Graphs
import Tensors
import TestSupport
import Testing

@testable import MLU

/// One switch for the process, so the tests take turns.
@Suite(.serialized) struct FusionTests {
    @Test func theSwitchIsOnAndGivesBackItsOldValue() {
        #expect(MLUFusion.enabled)
        #expect(MLUFusion.setFlags(false))
        #expect(!MLUFusion.enabled)
        #expect(!MLUFusion.setFlags(true))
        struct Failure: Error {}
        #expect(throws: Failure.self) {
            try MLUFusion.flags(enabled: false) { () throws(Failure) in
                #expect(!MLUFusion.enabled)
                throw Failure()
            }
        }
        #expect(MLUFusion.enabled)
    }

    struct Layer: CustomTestStringConvertible {
        var input: Int
        var hidden: Int
        var batch: Int
        var steps: Int
        var direction: RecurrentAttributes.Direction
        var bias: Bool
        var peepholes = false
        var states = false

        var testDescription: String { "\(input)x\(hidden), batch \(batch), \(steps) steps, \(direction), bias \(bias)" }
    }

    /// The sizes of upstream's own test.
    static let layers: [Layer] = [(5, 4), (9, 7)].flatMap { input, hidden in
        [(3, 2), (6, 9)].flatMap { batch, steps in
            RecurrentAttributes.Direction.allCases.flatMap { direction in
                [true, false].map { bias in
                    Layer(
                        input: input, hidden: hidden, batch: batch, steps: steps, direction: direction, bias: bias,
                        peepholes: bias && steps == 2, states: steps == 9)
                }
            }
        }
    }

    private func graph(_ layer: Layer, _ random: inout SeededGenerator) -> Graph {
        let directions = layer.direction == .bidirectional ? 2 : 1
        let (input, hidden) = (layer.input, layer.hidden)
        var constants = [
            "w": Tensor(random: [directions, 4 * hidden, input], &random, scale: 0.2),
            "r": Tensor(random: [directions, 4 * hidden, hidden], &random, scale: 0.2),
        ]
        if layer.bias { constants["b"] = Tensor(random: [directions, 8 * hidden], &random, scale: 0.2) }
        if layer.peepholes { constants["p"] = Tensor(random: [directions, 3 * hidden], &random, scale: 0.2) }
        if layer.states {
            constants["h"] = Tensor(random: [directions, layer.batch, hidden], &random, scale: 0.2)
            constants["c"] = Tensor(random: [directions, layer.batch, hidden], &random, scale: 0.2)
        }
        let inputs = ["x", "w", "r"] + ["b", "", "h", "c", "p"].map { constants[$0] == nil ? "" : $0 }
        let attributes = RecurrentAttributes(hiddenSize: hidden, direction: layer.direction)
        return Graph(
            [Node(name: "lstm", op: .lstm(attributes), inputs: inputs, outputs: ["y", "hn", "cn"])],
            input: [layer.steps, layer.batch, input], initializers: constants, outputs: ["y", "hn", "cn"])
    }

    @Test(arguments: layers)
    func oneLargeOperatorOrManySmallOnesGiveTheSameNumbers(layer: Layer) throws {
        var random = SeededGenerator(seed: 7)
        let graph = graph(layer, &random)
        let inputs = ["x": Tensor(random: [layer.steps, layer.batch, layer.input], &random)]
        let reference = try ReferenceExecutor(graph).run(inputs)
        var names: [Bool: [String]] = [:]
        for isFused in [true, false] {
            let calls = CallRecorder()
            let device = MLUDevice()
            let outputs = try MLUFusion.flags(enabled: isFused) {
                try EagerBackend(graph, on: device).run(inputs, observers: [calls]).outputs
            }
            for name in ["y", "hn", "cn"] {
                let output = try #require(outputs[name])
                let expected = try #require(reference[name])
                #expect(output.shape == expected.shape && output.distance(to: expected) < 1e-5, "\(name), \(isFused)")
            }
            names[isFused] = calls.lines
            #expect(device.memory.blockCount == 0)
        }
        #expect(names[true] == ["lstm"])
        #expect((names[false]?.count ?? 0) > 10 * layer.steps && names[false]?.contains("lstm") == false)
    }

    /// Parameters of a wrong length are for the large operator to refuse, not for the small ones to read beyond.
    @Test(
        arguments: [
            ("w", [1, 16, 4]), ("w", [1, 20, 5]), ("r", [1, 16, 5]), ("r", [2, 16, 4]), ("b", [1, 16]),
            ("b", [1, 33]), ("b", [32]), ("p", [1, 8]), ("p", [1, 13]),
        ] as [(String, Shape)])
    func parametersOfWrongLengthAreRefused(name: String, shape: Shape) throws {
        var random = SeededGenerator(seed: 9)
        let layer = Layer(
            input: 5, hidden: 4, batch: 3, steps: 2, direction: .forward, bias: true, peepholes: true)
        var graph = graph(layer, &random)
        graph.initializers[name] = Tensor(random: shape, &random)
        let backend = try EagerBackend(graph, on: MLUDevice())
        let inputs = ["x": Tensor(random: [2, 3, 5], &random)]
        #expect {
            try MLUFusion.flags(enabled: false) { try backend.run(inputs) }
        } throws: { "\($0)".contains("'lstm'") }
    }

    /// The small operators of another length are others, although they have the same names.
    @Test func oneBackendTakesSequencesOfAnyLength() throws {
        var random = SeededGenerator(seed: 8)
        let layer = Layer(input: 5, hidden: 4, batch: 3, steps: 2, direction: .bidirectional, bias: true)
        var graph = graph(layer, &random)
        graph.inputs[0].type.dimensions = [.symbol("T"), 3, 5]
        let backend = try EagerBackend(graph, on: MLUDevice())
        for steps in [2, 7, 3] {
            let inputs = ["x": Tensor(random: [steps, 3, 5], &random)]
            let reference = try ReferenceExecutor(graph).run(inputs)
            let outputs = try MLUFusion.flags(enabled: false) { try backend.run(inputs).outputs }
            for name in ["y", "hn", "cn"] {
                let output = try #require(outputs[name])
                let expected = try #require(reference[name])
                #expect(output.shape == expected.shape && output.distance(to: expected) < 1e-5, "\(name), \(steps)")
            }
        }
    }
}
