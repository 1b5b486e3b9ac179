import Execution
import Graphs
import Tensors
import TestSupport
import Testing

/// What the fast executor does to whole networks.
@Suite struct AcceleratedFusionTests {
    /// Errors of a few layers in a row.
    private let networkTolerance: Float = 1e-4

    @Test(arguments: 0..<60)
    func randomNetworksAgree(seed: Int) throws {
        var network = RandomNetwork.make(seed: UInt64(seed))
        let inputs = ["x": network.inputs(RandomNetwork.extents)]
        try expectAgreement(network.graph, inputs, fast: false, tolerance: networkTolerance, "seed \(seed)")
    }

    @Test(arguments: 0..<30)
    func everyObservedValueIsTheNamedOne(seed: Int) throws {
        var network = RandomNetwork.make(seed: UInt64(1000 + seed))
        let graph = network.graph
        let inputs = ["x": network.inputs(RandomNetwork.extents)]
        let names = graph.nodes.flatMap(\.outputs) + ["x"]
        let expected = RecordingTap()
        let outputs = try ReferenceExecutor(graph, observing: names).run(inputs, tap: expected)
        for name in names {
            let tap = RecordingTap()
            let results = try AcceleratedExecutor(graph, observing: [name]).run(inputs, tap: tap)
            #expect(tap.calls.keys.sorted() == [name], "seed \(1000 + seed)")
            // The tap sees the elements in any order.
            let actual = try #require(tap.elements[name]).sorted()
            let wanted = try #require(expected.elements[name]).sorted()
            #expect(relativeDifference(actual, wanted) <= networkTolerance, "\(name) of seed \(1000 + seed)")
            for output in graph.outputs {
                let left = try #require(results[output.name]).elements(as: Float.self)
                let right = try #require(outputs[output.name]).elements(as: Float.self)
                #expect(relativeDifference(left, right) <= networkTolerance, "seed \(1000 + seed) seeing \(name)")
            }
        }
        let tap = RecordingTap()
        _ = try AcceleratedExecutor(graph, observing: names).run(inputs, tap: tap)
        for name in names {
            let actual = try #require(tap.elements[name]).sorted()
            let wanted = try #require(expected.elements[name]).sorted()
            #expect(relativeDifference(actual, wanted) <= networkTolerance, "\(name) of seed \(1000 + seed)")
        }
    }

    @Test func residualBlockIsOneStepForEachConvolution() throws {
        var network = SmallNetwork(seed: 1)
        let x = network.input([1, 8, 6, 6])
        let y = network.add(.unary(.relu), network.normalization(network.convolution(x, 8, 8), 8))
        let z = network.normalization(network.convolution(y, 8, 8), 8)
        let sum = network.add(.unary(.relu), network.add(.binary(.add), z, x))
        network.output(sum)
        let timer = try expectAgreement(network.graph, ["x": network.inputs([1, 8, 6, 6])], "residual block")
        // Two convolutions, and the copies between the caller's layout and the channels-last one.
        #expect(timer.entries.count == 4, "\(timer.entries)")
    }

    @Test(arguments: [1, 4])
    func twoFunctionsOfOneKindKeepTheirParameters(groups: Int) throws {
        var network = SmallNetwork(seed: 6)
        let x = network.input([1, 4, 6, 6])
        let y = network.add(.unary(.relu), network.convolution(x, 4, 4, groups: groups))
        network.output(network.add(.unary(.leakyRelu(slope: 0.1)), network.add(.binary(.subtract), y, x)))
        try expectAgreement(network.graph, ["x": network.inputs([2, 4, 6, 6])], "relu and leaky relu")
    }

    @Test func patternsBecomeOneFunction() throws {
        var network = SmallNetwork(seed: 2)
        let x = network.input([3, 16])
        let scaled = network.add(.binary(.multiply), x, network.scalar(Float(0.5).squareRoot()))
        let shifted = network.add(.binary(.add), network.add(.unary(.erf), scaled), network.scalar(1))
        let product = network.add(.binary(.multiply), x, network.add(.binary(.multiply), shifted, network.scalar(0.5)))
        let gated = network.add(.binary(.multiply), network.add(.unary(.sigmoid), product), product)
        network.output(gated)
        let timer = try expectAgreement(network.graph, ["x": network.inputs([3, 16])], "patterns")
        #expect(timer.entries.count == 2, "\(timer.entries)")
    }

    @Test func plansFollowTheShapesAndAreBounded() throws {
        var network = SmallNetwork(seed: 3)
        let x = network.input([1, 4, 6, 5])
        let y = network.add(.unary(.relu), network.convolution(x, 4, 4))
        let shape = network.add(.shape(start: 0, end: 1), y)
        let target = network.add(.concat(axis: 0), shape, network.integers([-1]))
        network.output(network.add(.reshape(allowZero: false), y, target))
        let options = AcceleratedExecutor.Options(maximumPlanCount: 3)
        let executor = try AcceleratedExecutor(network.graph, options: options)
        for count in [1, 2, 3, 4, 2, 1, 5, 1] {
            let inputs = ["x": network.inputs([count, 4, 6, 5])]
            let expected = try #require(try ReferenceExecutor(network.graph).run(inputs).values.first)
            let actual = try #require(try executor.run(inputs).values.first)
            #expect(actual.shape == expected.shape)
            let difference = relativeDifference(actual.elements(as: Float.self), expected.elements(as: Float.self))
            #expect(difference <= relativeTolerance)
            #expect(executor.planCount <= 3)
        }
    }

    @Test(arguments: 0..<12)
    func imagesOfABatchHaveTheBitsOfSingleImages(seed: Int) throws {
        // Only AVX-512 kernels promise this.
        guard InstructionSet.current.hasPrefix("avx512") else { return }
        var network = RandomNetwork.make(seed: UInt64(2000 + seed))
        let batch = network.inputs([5] + RandomNetwork.extents.dropFirst())
        let executor = try AcceleratedExecutor(network.graph)
        let whole = try executor.run(["x": batch])
        for image in 0..<5 {
            let single = try executor.run(["x": batch.slice(outermost: image..<image + 1)])
            for (name, tensor) in whole {
                #expect(single[name] == tensor.slice(outermost: image..<image + 1), "\(name) of seed \(2000 + seed)")
            }
        }
    }

    @Test func imagesRunOneByOneWhenActivationsOutweighWeights() throws {
        var network = SmallNetwork(seed: 4)
        let x = network.input([1, 3, 64, 64])
        let y = network.convolution(network.convolution(x, 3, 16), 16, 16, groups: 16)
        network.output(network.add(.flatten(axis: 1), network.add(.globalAveragePool, y)))
        let inputs = ["x": network.inputs([6, 3, 64, 64])]
        let tap = RecordingTap()
        let weight = network.graph.nodes[0].inputs[1]
        let split = try AcceleratedExecutor(network.graph, observing: [y, weight]).run(inputs, tap: tap)
        #expect(tap.calls == [y: 6, weight: 1])
        let options = AcceleratedExecutor.Options(splitsBatches: false)
        let wholeTap = RecordingTap()
        let whole = try AcceleratedExecutor(network.graph, observing: [y, weight], options: options)
            .run(inputs, tap: wholeTap)
        #expect(wholeTap.calls == [y: 1, weight: 1])
        if InstructionSet.current.hasPrefix("avx512") {
            #expect(split == whole)
            #expect(tap.elements == wholeTap.elements)
        }
    }

    @Test func refusesWhatDoesNotFit() throws {
        var network = SmallNetwork(seed: 5)
        let x = network.input([1, 4])
        network.output(network.add(.unary(.relu), x))
        let executor = try AcceleratedExecutor(network.graph)
        #expect(throws: ExecutionError.missingInput(name: "x", available: ["z"])) {
            try executor.run(["z": Tensor(scalar: Float(1))])
        }
        #expect(throws: ExecutionError.self) { try executor.run(["x": Tensor(scalar: Float(1))]) }
        #expect(throws: ExecutionError.self) { try executor.run(["x": Tensor(zeros: [1, 5], elementType: .float32)]) }
        #expect(throws: ExecutionError.self) { try executor.run(["x": Tensor(zeros: [1, 4], elementType: .int8)]) }
        #expect(throws: ExecutionError.unknownValue(name: "nothing")) {
            try AcceleratedExecutor(network.graph, observing: ["nothing"])
        }
        let shape = network.add(.shape(start: 0, end: nil), x)
        #expect(throws: ExecutionError.self) { try AcceleratedExecutor(network.graph, observing: [shape]) }
    }
}
