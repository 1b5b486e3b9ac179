import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

@Suite struct ReferenceConvolutionTests {
    @Test func sumsTheWindowAndAddsTheBias() throws {
        let result = try evaluate(
            .convolution(ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1]))),
            ramp([1, 1, 3, 3]), floats([1, 1, 3, 3], [Float](repeating: 1, count: 9)), floats([1], [100]))
        #expect(result.shape == [1, 1, 3, 3])
        #expect(result.floatElements == [108, 115, 112, 121, 136, 127, 120, 133, 124])
    }

    @Test func sameUpperPutsTheOddElementAfterAndSameLowerBefore() throws {
        let weight = floats([1, 1, 2], [1, 10])
        let data = ramp([1, 1, 3])
        let upper = try evaluate(.convolution(ConvolutionAttributes(padding: .sameUpper)), data, weight)
        let lower = try evaluate(.convolution(ConvolutionAttributes(padding: .sameLower)), data, weight)
        #expect(upper.floatElements == [10, 21, 2])
        #expect(lower.floatElements == [0, 10, 21])
    }

    @Test func agreesWithTheDefinitionForRandomGeometries() throws {
        for seed in UInt64(1)...60 {
            var generator = SeededGenerator(seed: seed)
            let groups = Int.random(in: 1...3, using: &generator)
            let spatialRank = Int.random(in: 1...3, using: &generator)
            func extents(_ range: ClosedRange<Int>) -> [Int] {
                (0..<spatialRank).map { _ in Int.random(in: range, using: &generator) }
            }
            let kernel = extents(1...3)
            let dilations = extents(1...2)
            let strides = extents(1...3)
            let before = extents(0...2)
            let after = extents(0...2)
            let input = extents(5...8)
            let channels = groups * Int.random(in: 1...3, using: &generator)
            let outputs = groups * Int.random(in: 1...3, using: &generator)
            let data = noise(Shape([2, channels] + input), &generator)
            let weight = noise(Shape([outputs, channels / groups] + kernel), &generator)
            let bias = noise([outputs], &generator)
            let attributes = ConvolutionAttributes(
                strides: strides, dilations: dilations, padding: .explicit(before: before, after: after), groups: groups
            )
            let result = try evaluate(.convolution(attributes), data, weight, bias)
            expectClose(
                result.floatElements,
                directConvolution(data, weight, bias, attributes, before: before, output: result.shape), "seed \(seed)")
        }
    }

    /// The definition, in `Double`: for each output element the sum over channels and kernel positions.
    private func directConvolution(
        _ data: Tensor, _ weight: Tensor, _ bias: Tensor, _ attributes: ConvolutionAttributes, before: [Int],
        output: Shape
    ) -> [Double] {
        let (x, w, b) = (data.doubleElements, weight.doubleElements, bias.doubleElements)
        let perGroup = weight.shape[1]
        let groupOutputs = weight.shape[0] / attributes.groups
        let kernel = Shape(Array(weight.shape.dimensions.dropFirst(2)))
        let spatial = Shape(Array(data.shape.dimensions.dropFirst(2)))
        return (0..<output.elementCount).map { index in
            let position = coordinates(index, output)
            let (sample, channel) = (position[0], position[1])
            var sum = b[channel]
            for inner in 0..<perGroup {
                for tap in 0..<kernel.elementCount {
                    let offset = coordinates(tap, kernel)
                    let source = spatial.dimensions.indices.map {
                        position[$0 + 2] * attributes.strides[$0] - before[$0] + offset[$0] * attributes.dilations[$0]
                    }
                    guard spatial.dimensions.indices.allSatisfy({ source[$0] >= 0 && source[$0] < spatial[$0] }) else {
                        continue
                    }
                    let plane = sample * data.shape[1] + channel / groupOutputs * perGroup + inner
                    let element = zip(source, spatial.rowMajorStrides).reduce(0) { $0 + $1.0 * $1.1 }
                    sum +=
                        x[plane * spatial.elementCount + element]
                        * w[(channel * perGroup + inner) * kernel.elementCount + tap]
                }
            }
            return sum
        }
    }

    private func coordinates(_ index: Int, _ shape: Shape) -> [Int] {
        zip(shape.rowMajorStrides, shape.dimensions).map { index / $0 % $1 }
    }

    @Test func transposedIsTheAdjointOfConvolution() throws {
        // <conv(x), y> == <x, convTranspose(y)> for every x and y defines the transposed convolution.
        for seed in UInt64(1)...40 {
            var generator = SeededGenerator(seed: seed)
            let groups = Int.random(in: 1...2, using: &generator)
            let strides = (0..<2).map { _ in Int.random(in: 1...2, using: &generator) }
            let dilations = (0..<2).map { _ in Int.random(in: 1...2, using: &generator) }
            let attributes = ConvolutionAttributes(
                strides: strides, dilations: dilations, padding: .explicit(before: [1, 0], after: [0, 1]),
                groups: groups)
            let data = noise([2, 2 * groups, 7, 8], &generator)
            let weight = noise([3 * groups, 2, 3, 2], &generator)
            let forward = try evaluate(.convolution(attributes), data, weight)
            let probe = noise(forward.shape, &generator)
            let back = try evaluate(
                .transposedConvolution(
                    TransposedConvolutionAttributes(
                        convolution: attributes,
                        outputPadding: (0..<2).map { axis in
                            let span = ([3, 2][axis] - 1) * dilations[axis] + 1
                            return ([7, 8][axis] + 1 - span) % strides[axis]
                        })), probe, weight)
            #expect(back.shape == data.shape, "seed \(seed)")
            let left = zip(forward.doubleElements, probe.doubleElements).reduce(0) { $0 + $1.0 * $1.1 }
            let right = zip(data.doubleElements, back.doubleElements).reduce(0) { $0 + $1.0 * $1.1 }
            #expect((left - right).magnitude < 1e-3, "seed \(seed)")
        }
    }

    @Test func transposedTakesAnOutputShape() throws {
        let result = try evaluate(
            .transposedConvolution(
                TransposedConvolutionAttributes(
                    convolution: ConvolutionAttributes(strides: [2]), outputShape: [5])),
            ramp([1, 1, 3]), floats([1, 1, 3], [1, 1, 1]))
        // Full extent 7, cut by 2 elements: one at each end.
        #expect(result.floatElements == [0, 1, 1, 3, 2])
    }

    @Test func refusesWhatDoesNotFit() {
        let data = ramp([1, 4, 5, 5])
        #expect(throws: KernelError.self) { try evaluate(.convolution(.init(groups: 3)), data, ramp([3, 1, 3, 3])) }
        #expect(throws: KernelError.self) { try evaluate(.convolution(.init()), data, ramp([3, 2, 3, 3])) }
        #expect(throws: KernelError.self) { try evaluate(.convolution(.init()), data, ramp([3, 4, 6, 3])) }
        #expect(throws: KernelError.self) {
            try evaluate(.convolution(.init(dilations: [Int.max, 1])), data, ramp([3, 4, 3, 3]))
        }
        #expect(throws: KernelError.self) {
            try evaluate(.convolution(.init(strides: [0, 1])), data, ramp([3, 4, 3, 3]))
        }
        #expect(throws: KernelError.missingInput(index: 1)) { try evaluate(.convolution(.init()), data) }
    }
}
