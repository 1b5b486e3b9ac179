import Execution
import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

/// Modules of the simulated device on the fast executor.
@Suite struct AcceleratedModuleTests {
    private func expectSameBits(
        _ graph: Graph, _ inputs: [String: Tensor], arithmetic: MLUArithmetic = .exact, _ comment: Comment
    ) throws {
        let expected = try ReferenceExecutor(graph, arithmetic: arithmetic).run(inputs)
        let executor = try AcceleratedExecutor(graph, options: .init(arithmetic: arithmetic))
        let actual = try executor.run(inputs)
        for output in graph.outputs {
            let left = try #require(actual[output.name])
            let right = try #require(expected[output.name])
            #expect(left.shape == right.shape, comment)
            // 0 and -0 are the same number.
            #expect(left.elements(as: Float.self) == right.elements(as: Float.self), "\(comment) at \(output.name)")
        }
    }

    @Test(arguments: 0..<80)
    func fusedModulesGiveTheBitsOfThePlainOnes(seed: Int) throws {
        var (network, extents) = RandomModules.make(seed: UInt64(seed))
        let inputs = ["x": network.inputs(extents)]
        try expectSameBits(network.graph, inputs, "seed \(seed)")
        try expectSameBits(network.graph, inputs, arithmetic: .positions, "seed \(seed) with positions")
    }

    @Test(arguments: 0..<20)
    func observingChangesNoBitAndSeesThePlainValues(seed: Int) throws {
        var (network, extents) = RandomModules.make(seed: UInt64(500 + seed))
        let graph = network.graph
        let inputs = ["x": network.inputs(extents)]
        let names = graph.nodes.flatMap(\.outputs)
        let expected = RecordingTap()
        let outputs = try ReferenceExecutor(graph, observing: names).run(inputs, tap: expected)
        for seen in [names, Array(names.prefix(2)), [names[names.count / 2]]] {
            let tap = RecordingTap()
            let results = try AcceleratedExecutor(graph, observing: seen).run(inputs, tap: tap)
            #expect(tap.elements.keys.sorted() == seen.sorted(), "seed \(500 + seed)")
            for name in seen {
                #expect(
                    tap.elements[name]?.sorted() == expected.elements[name]?.sorted(), "\(name), seed \(500 + seed)")
            }
            for output in graph.outputs {
                #expect(
                    results[output.name]?.elements(as: Float.self)
                        == outputs[output.name]?.elements(as: Float.self), "seed \(500 + seed)")
            }
        }
    }

    @Test(arguments: 0..<10)
    func batchesGiveTheBitsOfTheirImages(seed: Int) throws {
        var (network, extents) = RandomModules.make(seed: UInt64(700 + seed))
        let batch = network.inputs([5] + extents.dropFirst())
        let executor = try AcceleratedExecutor(network.graph)
        let whole = try executor.run(["x": batch])
        for image in 0..<5 {
            let single = try executor.run(["x": batch.slice(outermost: image..<image + 1)])
            for output in network.graph.outputs {
                let all = try #require(whole[output.name])
                #expect(
                    all.slice(outermost: image..<image + 1).elements(as: Float.self)
                        == single[output.name]?.elements(as: Float.self), "seed \(700 + seed), image \(image)")
            }
        }
    }

    /// Sums that do not fit the cache are computed in bands of rows, or of images.
    @Test(arguments: 0..<16)
    func largeModulesAreComputedInBandsOfTheSameBits(seed: Int) throws {
        var network = SmallNetwork(seed: UInt64(900 + seed))
        func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &network.generator) }
        let rank = seed % 8 == 7 ? 3 : seed % 8 == 6 ? 1 : 2
        let isBatch = seed % 4 == 1
        let extent = rank == 1 ? 3000 : rank == 3 ? 14 : isBatch ? 12 : pick(50...60)
        let extents = [isBatch ? 40 : rank == 3 ? 5 : 2, 4] + [Int](repeating: extent, count: rank)
        let kernel = pick(1...3)
        let pads = (0..<rank).map { _ in pick(0...2) }
        let attributes = ConvolutionAttributes(
            strides: pads.map { _ in pick(1...2) }, dilations: pads.map { _ in pick(1...2) },
            padding: .explicit(before: pads, after: pads.map { _ in pick(0...2) }), groups: pick(0...1) == 1 ? 2 : 1)
        let filters = 64
        let weight = network.weights(
            [filters, 4 / attributes.groups] + [Int](repeating: kernel, count: rank), scale: 0.3)
        let x = network.input(extents)
        let first = network.addModule(.convolution(attributes), x, weight, filters)
        let second = network.module(first, filters, filters, rank: rank, kernel: 1)
        network.output(network.add(.unary(.relu), network.add(.binary(.add), second, first)))
        let inputs = ["x": network.inputs(extents)]
        let executor = try AcceleratedExecutor(network.graph, options: .init(splitsBatches: false))
        let timer = StepTimer()
        let actual = try executor.run(inputs, tap: nil, timer: timer)
        let expected = try ReferenceExecutor(network.graph).run(inputs)
        for output in network.graph.outputs {
            #expect(
                actual[output.name]?.elements(as: Float.self) == expected[output.name]?.elements(as: Float.self),
                "seed \(900 + seed)")
        }
        #expect(timer.entries.count { $0.implementation == "dequantize" } > 2, "seed \(900 + seed)")
    }

    @Test func modulesStayIntegersWhileOnlyModulesReadThem() throws {
        var network = SmallNetwork(seed: 1)
        let x = network.input([1, 3, 8, 8])
        let first = network.add(.unary(.relu), network.module(x, 3, 8, rank: 2, kernel: 3))
        let pads = [1, 1]
        let pool = PoolingAttributes(
            kernelShape: [3, 3], strides: [2, 2], padding: .explicit(before: pads, after: pads))
        let second = network.module(network.add(.maxPool(pool), first), 8, 8, rank: 2, kernel: 1)
        network.output(second)
        for name in network.graph.initializers.keys where name.hasPrefix("w") {
            // int8 for all: bytes go through the pooling.
            if network.graph.initializers[name]?.elementType == .int32 {
                network.graph.initializers[name] = Tensor(shape: [1], elements: [Int32(1)])
            }
        }
        for node in network.graph.nodes {
            if let scale = node.input(.scale) {
                network.graph.initializers[scale] = Tensor(shape: [2], elements: [Float(40), 60])
            }
        }
        let inputs = ["x": network.inputs([1, 3, 8, 8])]
        try expectSameBits(network.graph, inputs, "int8 pooling")
        let timer = StepTimer()
        _ = try AcceleratedExecutor(network.graph).run(inputs, tap: nil, timer: timer)
        let steps = timer.entries.map(\.implementation)
        #expect(steps.count { $0 == "quantize" } == 1)
        #expect(steps.count { $0 == "dequantize" } == 2)
        #expect(!steps.contains { $0.hasPrefix("reference") })
    }

    @Test func modulesWithoutScalesAreTheFloatLayers() throws {
        var network = SmallNetwork(seed: 3)
        let x = network.input([2, 4, 6, 6])
        let plain = network.normalization(network.convolution(x, 4, 6), 6)
        let pooled = network.add(.flatten(axis: 1), network.add(.globalAveragePool, network.add(.unary(.relu), plain)))
        let weight = network.weights([5, 6])
        network.output(
            network.add(.gemm(GemmAttributes(transposeB: true)), pooled, weight, network.weights([5])))
        var calibrated = network.graph
        for index in calibrated.nodes.indices {
            switch calibrated.nodes[index].op {
            case .convolution(let attributes): calibrated.nodes[index].op = .mlu(.convolution(attributes))
            case .gemm: calibrated.nodes[index].op = .mlu(.linear)
            default: break
            }
        }
        let inputs = ["x": network.inputs([2, 4, 6, 6])]
        let timer = StepTimer()
        let actual = try AcceleratedExecutor(calibrated).run(inputs, tap: nil, timer: timer)
        #expect(actual == (try AcceleratedExecutor(network.graph).run(inputs)))
        #expect(!timer.entries.contains { $0.implementation.hasPrefix("reference") })
    }

    @Test func wrongScalesAreRefusedWithTheNodesName() throws {
        var network = SmallNetwork(seed: 4)
        let x = network.input([1, 3, 5, 5])
        network.output(network.module(x, 3, 4, rank: 2, kernel: 1))
        let scale = try #require(network.graph.nodes[0].input(.scale))
        network.graph.initializers[scale] = Tensor(shape: [2], elements: [Float(0), 1])
        let inputs = ["x": network.inputs([1, 3, 5, 5])]
        let name = network.graph.nodes[0].name
        for executor in [
            try AcceleratedExecutor(network.graph) as any GraphExecutor, try ReferenceExecutor(network.graph),
        ] {
            #expect {
                try executor.run(inputs, tap: nil)
            } throws: {
                "\($0)".contains("'\(name)'") && ("\($0)".contains("the input scale") || "\($0)".contains("scale has"))
            }
        }
    }

    /// What comes out of a clamp or a pooling of clamped numbers can still be negative: it does not fit uint8.
    @Test(arguments: ["clip", "pool", "empty"])
    func negativeNumbersBehindClampsStayNegative(kind: String) throws {
        var network = SmallNetwork(seed: 5)
        let x = network.input([1, 4, 6, 6])
        let value: String
        switch kind {
        case "clip":
            // An upper bound below the lower one wins.
            value = network.add(.clip, x, network.scalar(0), network.scalar(-3))
        case "pool":
            // The corners' windows hold padding only, and its maximum is minus infinity.
            let pool = PoolingAttributes(kernelShape: [1, 1], padding: .explicit(before: [1, 1], after: [1, 1]))
            value = network.add(.maxPool(pool), network.add(.unary(.relu), x))
        default:
            // So is the maximum of nothing.
            let nothing = network.add(
                .slice, x, network.integers([6]), network.integers([6]), network.integers([2]))
            value = network.add(.globalMaxPool, network.add(.unary(.relu), nothing))
        }
        network.output(network.int8(.convolution(ConvolutionAttributes()), value, network.weights([8, 4, 1, 1])))
        let flat = network.add(.flatten(axis: 2), value)
        let columns = network.add(.transpose(permutation: [1, 0]), flat)
        network.output(network.int8(.linear, columns, network.weights([8, 4])))
        try expectSameBits(network.graph, ["x": network.inputs([1, 4, 6, 6])], "\(kind)")
    }

    /// Plans for several input shapes share weights only when their scales are the same.
    @Test(arguments: [Int32(1), 2])
    func scalesThatFollowFromShapesAreThoseOfEachShape(mode: Int32) throws {
        var network = SmallNetwork(seed: 6)
        let x = network.input([1, 4, 6, 6])
        network.graph.inputs[0].type.dimensions = [.symbol("N"), .fixed(4), .symbol("H"), .symbol("W")]
        let extents = network.add(.shape(start: 2, end: 4), x)
        let scale = network.add(.cast(CastAttributes(to: .float32)), extents)
        let pads = ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1]))
        network.output(
            network.module(.convolution(pads), x, network.weights([8, 4, 3, 3]), scale: scale, mode: mode))
        network.output(
            network.module(
                .linear, network.add(.globalAveragePool, network.add(.transpose(permutation: [0, 2, 3, 1]), x)),
                network.weights([5, 1]), scale: scale, mode: mode))
        let executor = try AcceleratedExecutor(network.graph)
        for extents in [[1, 4, 40, 6], [1, 4, 6, 50], [1, 4, 40, 6]] {
            let inputs = ["x": network.inputs(extents)]
            let expected = try ReferenceExecutor(network.graph).run(inputs)
            let actual = try executor.run(inputs)
            for output in network.graph.outputs {
                #expect(
                    actual[output.name]?.elements(as: Float.self) == expected[output.name]?.elements(as: Float.self),
                    "\(output.name) at \(extents)")
            }
        }
    }

    @Test func itIsKnownWhichKernelsCompute() {
        #expect(IntegerArithmetic.ownKernels.hasPrefix("own "))
        #expect(
            IntegerArithmetic.int8Kernels.hasPrefix("oneDNN ") == IntegerArithmetic.isLibraryExact)
    }
}
