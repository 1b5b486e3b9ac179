import Execution
import Graphs
import Tensors
import TestSupport
import Testing

/// Each fast kernel against the reference kernel of its operator.
@Suite struct AcceleratedOperatorTests {
    @Test(arguments: 0..<40)
    func convolutionsAgree(seed: Int) throws {
        var network = SmallNetwork(seed: UInt64(seed))
        let spatialRank = 1 + seed % 3
        let groups = [1, 1, 2, 4][Int.random(in: 0..<4, using: &network.generator)]
        let channels = groups * Int.random(in: 1...6, using: &network.generator)
        let depthwise = groups > 1 && Bool.random(using: &network.generator)
        let filters = depthwise ? channels : groups * Int.random(in: 1...6, using: &network.generator)
        let kernel = (0..<spatialRank).map { _ in Int.random(in: 1...3, using: &network.generator) }
        let strides = (0..<spatialRank).map { _ in Int.random(in: 1...2, using: &network.generator) }
        let dilations = (0..<spatialRank).map { _ in Int.random(in: 1...2, using: &network.generator) }
        let extents = (0..<spatialRank).map { _ in Int.random(in: 5...9, using: &network.generator) }
        let modes: [WindowPadding] = [
            .explicit(
                before: kernel.map { _ in Int.random(in: 0...2, using: &network.generator) },
                after: kernel.map { _ in Int.random(in: 0...2, using: &network.generator) }),
            .sameUpper, .sameLower, .valid,
        ]
        let x = network.input([2, channels] + extents)
        let weights = network.weights([filters, channels / groups] + kernel)
        let attributes = ConvolutionAttributes(
            kernelShape: kernel, strides: strides, dilations: dilations,
            padding: modes[Int.random(in: 0..<4, using: &network.generator)], groups: groups)
        let y = network.add(.convolution(attributes), x, weights, network.weights([filters]))
        network.output(y)
        let input = network.inputs([2, channels] + extents)
        try expectAgreement(network.graph, ["x": input], "seed \(seed): \(attributes) on \(input.shape)")
    }

    @Test(arguments: 0..<20)
    func transposedConvolutionsAgree(seed: Int) throws {
        var network = SmallNetwork(seed: UInt64(seed))
        let groups = 1 + seed % 2
        let channels = groups * Int.random(in: 1...5, using: &network.generator)
        let filters = groups * Int.random(in: 1...5, using: &network.generator)
        let stride = Int.random(in: 1...3, using: &network.generator)
        let attributes = TransposedConvolutionAttributes(
            convolution: ConvolutionAttributes(
                kernelShape: [3, 3], strides: [stride, stride],
                padding: .explicit(before: [1, 0], after: [1, 1]), groups: groups),
            outputPadding: [Int.random(in: 0..<stride, using: &network.generator), 0])
        let x = network.input([2, channels, 5, 6])
        let y = network.add(
            .transposedConvolution(attributes), x, network.weights([channels, filters / groups, 3, 3]),
            network.weights([filters]))
        network.output(y)
        let input = network.inputs([2, channels, 5, 6])
        try expectAgreement(network.graph, ["x": input], fast: false, "seed \(seed): \(attributes)")
    }

    @Test(arguments: 0..<24)
    func poolingAgrees(seed: Int) throws {
        var network = SmallNetwork(seed: UInt64(seed))
        let kernel = [
            Int.random(in: 2...3, using: &network.generator), Int.random(in: 1...3, using: &network.generator),
        ]
        let attributes = PoolingAttributes(
            kernelShape: kernel, strides: [Int.random(in: 1...2, using: &network.generator), 2],
            padding: seed % 3 == 0 ? .sameUpper : .explicit(before: [1, 0], after: [0, 0]),
            ceilMode: seed % 4 == 1, countIncludesPadding: seed % 5 == 2)
        let x = network.input([2, 5, 9, 8])
        network.output(network.add(seed % 2 == 0 ? .maxPool(attributes) : .averagePool(attributes), x))
        network.output(network.add(seed % 2 == 0 ? .globalMaxPool : .globalAveragePool, x))
        try expectAgreement(
            network.graph, ["x": network.inputs([2, 5, 9, 8])], fast: false, "seed \(seed): \(attributes)")
    }

    @Test(arguments: [
        UnaryFunction.absolute, .negate, .relu, .leakyRelu(slope: 0.1), .elu(alpha: 0.7), .sigmoid, .hardSwish, .tanh,
        .exp, .round, .gelu(tanhApproximation: true), .gelu(tanhApproximation: false),
    ])
    func functionsOfOneElementAgree(function: UnaryFunction) throws {
        var network = SmallNetwork(seed: 5)
        let x = network.input([2, 3, 4, 5])
        network.output(network.add(.unary(function), x))
        network.output(network.add(.unary(function), network.convolution(x, 3, 7)))
        try expectAgreement(network.graph, ["x": network.inputs([2, 3, 4, 5])], "\(function)")
    }

    @Test(arguments: [UnaryFunction.hardSigmoid(alpha: 0.3, beta: 0.4), .softplus, .erf, .floor, .ceil])
    func functionsWithoutFastKernelFallBack(function: UnaryFunction) throws {
        var network = SmallNetwork(seed: 5)
        let x = network.input([2, 3, 4, 5])
        network.output(network.add(.unary(function), network.convolution(x, 3, 7)))
        try expectAgreement(network.graph, ["x": network.inputs([2, 3, 4, 5])], fast: false, "\(function)")
    }

    @Test(arguments: [UnaryFunction.log, .sqrt, .reciprocal])
    func functionsOfPositiveNumbersAgree(function: UnaryFunction) throws {
        var network = SmallNetwork(seed: 6)
        let x = network.input([2, 3, 4, 5])
        network.output(network.add(.unary(function), network.add(.unary(.exp), x)))
        // The logarithm runs on the reference kernel: oneDNN's loses the digits of results near 0.
        try expectAgreement(
            network.graph, ["x": network.inputs([2, 3, 4, 5])], fast: function != .log, "\(function)")
    }

    @Test(
        arguments: BinaryFunction.allCases,
        [[2, 3, 4, 5], [1, 3, 1, 1], [2, 3, 1, 1], [5], [], [4, 1], [1, 3, 4, 5]])
    func functionsOfTwoElementsAgree(function: BinaryFunction, extents: [Int]) throws {
        var network = SmallNetwork(seed: 7)
        let x = network.input([2, 3, 4, 5])
        let positive = network.add(.unary(.exp), network.convolution(x, 3, 3))
        let other = network.weights(extents, scale: 0.2, shift: 2)
        network.output(network.add(.binary(function), positive, other))
        if function != .parametricRelu { network.output(network.add(.binary(function), other, positive)) }
        try expectAgreement(
            network.graph, ["x": network.inputs([2, 3, 4, 5])], fast: false, "\(function) with \(extents)")
    }

    @Test func binaryOperandsMayBothBeComputed() throws {
        var network = SmallNetwork(seed: 8)
        let x = network.input([2, 4, 6, 6])
        let y = network.convolution(x, 4, 4)
        let gate = network.add(.unary(.sigmoid), network.add(.globalAveragePool, y))
        network.output(network.add(.binary(.multiply), y, gate))
        network.output(network.add(.binary(.add), x, y))
        network.output(network.add(.binary(.subtract), gate, y))
        try expectAgreement(network.graph, ["x": network.inputs([2, 4, 6, 6])], fast: false, "gates")
    }

    @Test(arguments: 0..<16)
    func matrixProductsAgree(seed: Int) throws {
        var network = SmallNetwork(seed: UInt64(seed))
        let (m, k, n) = (1 + seed % 5, 7, 3 + seed % 4)
        let x = network.input([2, 3, m, k])
        let square = network.add(.matMul, x, network.weights([k, n]))
        network.output(network.add(.unary(.relu), network.add(.binary(.add), square, network.weights([n]))))
        let turned = network.add(.transpose(permutation: [0, 1, 3, 2]), x)
        network.output(network.add(.matMul, x, turned))
        network.output(network.add(.matMul, turned, network.add(.unary(.tanh), x)))
        network.output(network.add(.matMul, x, network.weights([3, k, n])))
        network.output(network.add(.matMul, x, network.weights([1, 1, k, n])))
        try expectAgreement(network.graph, ["x": network.inputs([2, 3, m, k])], "seed \(seed)")
    }

    @Test(arguments: [false, true], [false, true])
    func gemmAgrees(transposeA: Bool, transposeB: Bool) throws {
        var network = SmallNetwork(seed: 9)
        let x = network.input(transposeA ? [6, 4] : [4, 6])
        let attributes = GemmAttributes(alpha: 0.5, beta: 2, transposeA: transposeA, transposeB: transposeB)
        let b = network.weights(transposeB ? [5, 6] : [6, 5])
        network.output(network.add(.gemm(attributes), x, b, network.weights([5])))
        network.output(network.add(.gemm(attributes), x, b, network.weights([1])))
        network.output(network.add(.gemm(attributes), x, b))
        network.output(network.add(.gemm(attributes), x, b, network.weights([4, 1])))
        let input = network.inputs(transposeA ? [6, 4] : [4, 6])
        try expectAgreement(network.graph, ["x": input], fast: false, "gemm \(transposeA) \(transposeB)")
    }

    @Test(arguments: [false, true])
    func matricesOfLargeModelsAreUsedWhereTheyLie(transposeB: Bool) throws {
        var network = SmallNetwork(seed: 10)
        let x = network.input([5, 33])
        let b = network.weights(transposeB ? [17, 33] : [33, 17])
        let linear = network.add(.gemm(GemmAttributes(transposeB: transposeB)), x, b, network.weights([17]))
        network.output(network.add(.unary(.relu), linear))
        network.output(network.add(.matMul, x, network.weights([33, 64])))
        let inputs = ["x": network.inputs([5, 33])]
        let expected = try ReferenceExecutor(network.graph).run(inputs)
        for limit in [0, 1 << 30] {
            let executor = try AcceleratedExecutor(network.graph, options: .init(reorderedModelLimit: limit))
            let before = executor.reorderedByteCount
            let outputs = try executor.run(inputs)
            #expect(before == 0 && (executor.reorderedByteCount > 0) == (limit > 0), "\(executor.reorderedByteCount)")
            for output in network.graph.outputs {
                let left = try #require(outputs[output.name]).elements(as: Float.self)
                let right = try #require(expected[output.name]).elements(as: Float.self)
                #expect(relativeDifference(left, right) <= 1e-5, "limit \(limit)")
            }
        }
    }

    @Test func normalizationsAgree() throws {
        var network = SmallNetwork(seed: 10)
        let x = network.input([2, 6, 5, 4])
        network.output(network.normalization(x, 6))
        network.output(network.add(.unary(.relu), network.normalization(x, 6)))
        network.output(
            network.add(
                .layerNormalization(LayerNormalizationAttributes(axis: -1)), x, network.weights([4]),
                network.weights([4])))
        network.output(
            network.add(
                .layerNormalization(LayerNormalizationAttributes(axis: 2)), x, network.weights([5, 4])))
        network.output(
            network.add(
                .localResponseNormalization(LocalResponseNormalizationAttributes(alpha: 0.1, size: 3)), x))
        for axis in [-1, 1, 2] {
            network.output(network.add(.softmax(axis: axis), x))
            network.output(network.add(.logSoftmax(axis: axis), network.convolution(x, 6, 6)))
        }
        try expectAgreement(network.graph, ["x": network.inputs([2, 6, 5, 4])], "normalizations")
    }

    @Test(arguments: ReductionFunction.allCases, [[], [1], [2, 3], [-1], [0, 2]])
    func reductionsAgree(function: ReductionFunction, axes: [Int]) throws {
        var network = SmallNetwork(seed: 11)
        let x = network.input([3, 4, 5, 2])
        for keeps in [true, false] {
            let attributes = ReductionAttributes(function: function, keepsAxes: keeps)
            let inputs = axes.isEmpty ? [x] : [x, network.integers(axes)]
            network.output(network.add(.reduce(attributes), inputs: inputs, outputs: 1)[0])
        }
        let isFast = [.mean, .sum, .minimum, .maximum].contains(function)
        try expectAgreement(
            network.graph, ["x": network.inputs([3, 4, 5, 2])], fast: isFast, "\(function) along \(axes)")
    }

    @Test func movementAgrees() throws {
        var network = SmallNetwork(seed: 13)
        let x = network.input([2, 6, 4, 5])
        let y = network.convolution(x, 6, 6)
        network.output(network.add(.transpose(permutation: [0, 2, 3, 1]), y))
        network.output(network.add(.transpose(permutation: nil), x))
        network.output(network.add(.reshape(allowZero: false), y, network.integers([0, -1])))
        network.output(network.add(.flatten(axis: 2), y))
        network.output(network.add(.concat(axis: 1), x, y))
        network.output(network.add(.concat(axis: -1), y, y))
        for part in network.add(
            .split(axis: 1, outputCount: nil), inputs: [y, network.integers([1, 3, 2])], outputs: 3)
        {
            network.output(network.add(.unary(.relu), part))
        }
        network.output(
            network.add(
                .slice, y, network.integers([1, -4]), network.integers([5, 99]), network.integers([1, 3]),
                network.integers([2, 1])))
        network.output(
            network.add(
                .slice, y, network.integers([-1]), network.integers([-99]), network.integers([3]),
                network.integers([-2])))
        network.output(network.add(.pad(.constant), y, network.integers([0, 0, 1, 2, 0, 1, 0, 1]), network.scalar(3)))
        network.output(network.add(.pad(.reflect), y, network.integers([0, 0, 1, 2, 0, 0, 0, 1])))
        let unsqueezed = network.add(.unsqueeze, y, network.integers([1]))
        network.output(network.add(.squeeze, unsqueezed, network.integers([1])))
        network.output(network.add(.identity, x))
        try expectAgreement(network.graph, ["x": network.inputs([2, 6, 4, 5])], fast: false, "movement")
    }
}
