import Graphs
import Kernels
import Quantization
import Tensors
import TestSupport
import Testing

/// MegEngine's own test cases of operators on integers, against the same operators on the real numbers they stand for.
@Suite struct UpstreamOperatorTests {
    private static func scalar(_ value: Float) -> Tensor { Tensor(shape: [1], elements: [value]) }

    private static func real(_ integers: Tensor, _ scale: Float) -> Tensor {
        Tensor(shape: integers.shape, elements: integers.elements(as: Int8.self).map { Float($0) * scale })
    }

    private static func run(
        _ kind: ModuleKind, _ data: [(Tensor, Float)], weight: (Tensor, Float)? = nil, bias: Tensor? = nil,
        output: Float?
    ) throws -> Tensor {
        let settings = QuantizedSettings(
            inputs: [QuantDtype?](repeating: .qint8, count: data.count), weight: weight == nil ? nil : .qint8Narrow,
            output: output == nil ? nil : .qint8)
        var inputs: [Tensor?] = data.map(\.0)
        for (_, scale) in data { inputs += [scalar(scale), nil] }
        if let weight { inputs += [weight.0, scalar(weight.1), bias] }
        if let output { inputs.append(scalar(output)) }
        return try ReferenceKernels.evaluate(
            .module(ModuleOperator(kind, family: .quantized(settings))), inputs: inputs, outputCount: 1)[0]
    }

    /// Whether integers lie within half a step of real numbers that were clipped to their range.
    private static func agree(
        _ integers: Tensor, _ wanted: Tensor, scale: Float, _ activation: ModuleActivation
    ) -> Bool {
        guard integers.shape == wanted.shape else { return false }
        return zip(integers.elements(as: Int8.self), wanted.elements(as: Float.self)).allSatisfy { integer, value in
            let clipped = min(max(activation == .relu ? max(value, 0) : value, -128 * scale), 127 * scale)
            return abs(Float(integer) * scale - clipped) <= scale * 0.51
        }
    }

    /// A scale that leaves a few of the largest results clipped.
    private static func outputScale(_ wanted: Tensor) -> Float {
        wanted.elements(as: Float.self).reduce(0) { max($0, abs($1)) } / 120
    }

    @Test(arguments: [ElemwiseMode.abs, .sin, .sub, .mul, .fuseAddTanh], [1, 2] as [UInt64])
    func case13ElemwiseOperators(mode: ElemwiseMode, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        func scale() -> Float { 1 + Float(random.next() % 1000) / 1000 }
        let operands = (0..<mode.operandCount).map { _ in (random.integers([3, 4, 5], -128...127), scale()) }
        let output = scale()
        let float = try ReferenceKernels.evaluate(
            .module(ModuleOperator(.elemwise(mode))), inputs: operands.map { Self.real($0.0, $0.1) }, outputCount: 1)[0]
        let quantizer = FakeQuantizer(FakeQuantSpecification(), parameter: output)
        let result = try Self.run(.elemwise(mode), operands, output: output)
        let wanted = float.elements(as: Float.self).map { quantizer($0) }
        #expect(Self.real(result, output).elements(as: Float.self) == wanted, "seed \(seed)")
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let extents: (n: Int, input: Int, output: Int, height: Int, width: Int)
        let kernel: [Int]
        var padding = [0, 0]
        var strides = [1, 1]
        var testDescription: String { "\(extents) \(kernel) pad \(padding) stride \(strides)" }

        var attributes: ConvolutionAttributes {
            ConvolutionAttributes(
                kernelShape: kernel, strides: strides, padding: .explicit(before: padding, after: padding))
        }
    }

    @Test(arguments: [
        Case(extents: (1, 4, 4, 24, 33), kernel: [1, 1], padding: [2, 3]),
        Case(extents: (10, 12, 24, 46, 46), kernel: [1, 1], padding: [2, 1], strides: [3, 1]),
        Case(extents: (10, 36, 8, 46, 26), kernel: [2, 2], padding: [2, 1], strides: [1, 2]),
    ])
    func case17ConvolutionsWithBias(test: Case) throws {
        var random = SeededGenerator(seed: 17)
        let (n, input, output, height, width) = test.extents
        let data = (random.integers([n, input, height, width], -128...127), Float(1.5))
        let weight = (random.integers([output, input] + test.kernel, -127...127), Float(2.5))
        for hasBias in [true, false] {
            let bias = hasBias ? random.tensor([output], deviation: 20000) : nil
            let wanted = try ReferenceKernels.evaluate(
                .convolution(test.attributes), inputs: [Self.real(data.0, 1.5), Self.real(weight.0, 2.5), bias],
                outputCount: 1)[0]
            let scale = Self.outputScale(wanted)
            for activation in [ModuleActivation.identity, .relu] {
                let kind = ModuleKind.convolution(
                    test.attributes, paddingMode: .zeros, ModuleFusion(activation: activation))
                let result = try Self.run(kind, [data], weight: weight, bias: bias, output: scale)
                #expect(Self.agree(result, wanted, scale: scale, activation), "seed 17")
            }
        }
    }

    @Test(arguments: [
        Case(extents: (1, 4, 4, 1, 1), kernel: [1, 1]), Case(extents: (2, 4, 8, 3, 1), kernel: [1, 1]),
        Case(extents: (4, 4, 8, 16, 16), kernel: [3, 3], padding: [1, 1]),
        Case(extents: (32, 64, 16, 36, 28), kernel: [3, 2], padding: [1, 0], strides: [1, 3]),
    ])
    func case18TransposedConvolutions(test: Case) throws {
        var random = SeededGenerator(seed: 18)
        let (n, input, output, height, width) = test.extents
        let data = (random.integers([n, input, height, width], -128...127), Float(0.04))
        let weight = (random.integers([input, output] + test.kernel, -127...127), Float(0.06))
        let attributes = TransposedConvolutionAttributes(convolution: test.attributes)
        let wanted = try ReferenceKernels.evaluate(
            .transposedConvolution(attributes), inputs: [Self.real(data.0, 0.04), Self.real(weight.0, 0.06)],
            outputCount: 1)[0]
        let scale = Self.outputScale(wanted)
        let result = try Self.run(.transposedConvolution(attributes, .none), [data], weight: weight, output: scale)
        #expect(Self.agree(result, wanted, scale: scale, .identity), "seed 18")
    }

    /// Upstream's operator has weights of its own for each sample: as a module that is BatchMatMulActivation, a kernel of 1x1.
    @Test func case19BatchedConvolutions() throws {
        var random = SeededGenerator(seed: 19)
        let attributes = ConvolutionAttributes(kernelShape: [3, 3])
        let data = (random.integers([1, 4, 5, 5], -128...127), Float(1.5))
        let weight = (random.integers([4, 4, 3, 3], -127...127), Float(2.5))
        let bias = random.tensor([4], deviation: 10000)
        let wanted = try ReferenceKernels.evaluate(
            .convolution(attributes), inputs: [Self.real(data.0, 1.5), Self.real(weight.0, 2.5), bias], outputCount: 1)[
                0]
        for scale in [Float(1.5), Self.outputScale(wanted)] {
            let result = try Self.run(
                .convolution(attributes, paddingMode: .zeros, .none), [data], weight: weight, bias: bias, output: scale)
            #expect(Self.agree(result, wanted, scale: scale, .identity))
        }
        // Three samples of 4 inputs and 6 columns, each with a matrix of its own.
        let columns = (random.integers([3, 4, 6], -128...127), Float(1.5))
        let matrices = (random.integers([3, 5, 4], -127...127), Float(2.5))
        let offsets = random.tensor([5], deviation: 10000)
        let (x, w) = (columns.0.elements(as: Int8.self), matrices.0.elements(as: Int8.self))
        let b = offsets.elements(as: Float.self)
        let sums = (0..<90).map { index -> Float in
            let (sample, row, column) = (index / 30, index / 6 % 5, index % 6)
            let sum = (0..<4).reduce(0) {
                $0 + Int(w[(sample * 5 + row) * 4 + $1]) * Int(x[(sample * 4 + $1) * 6 + column])
            }
            return Float(sum) * 3.75 + b[row]
        }
        let product = Tensor(shape: [3, 5, 6], elements: sums)
        let scale = Self.outputScale(product)
        for relu in [false, true] {
            let result = try Self.run(
                .batchMatMulActivation(hasRelu: relu), [columns], weight: matrices, bias: offsets, output: scale)
            #expect(Self.agree(result, product, scale: scale, relu ? .relu : .identity), "seed 19")
        }
    }

    @Test func case20MatrixProductsHaveTheProductOfTheScales() throws {
        var random = SeededGenerator(seed: 20)
        let data = (random.integers([3, 12], -128...127), Float(0.03))
        let weight = (random.integers([5, 12], -127...127), Float(0.02))
        let result = try Self.run(.linear(.none), [data], weight: weight, output: nil)
        let (x, w) = (data.0.elements(as: Int8.self), weight.0.elements(as: Int8.self))
        let wanted = (0..<15).map { index -> Float in
            let sum = (0..<12).reduce(0) { $0 + Int(x[index / 5 * 12 + $1]) * Int(w[index % 5 * 12 + $1]) }
            return Float(Double(sum) * Double(Float(0.03) * Float(0.02)))
        }
        #expect(result.elements(as: Float.self) == wanted, "seed 20")
    }
}
