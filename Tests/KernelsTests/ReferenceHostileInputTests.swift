import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

/// Whatever a model asks for, a kernel answers or throws; it never traps.
@Suite struct ReferenceHostileInputTests {
    @Test(arguments: UInt64(1)...8)
    func absurdAttributesAndInputsAreErrorsOrResults(seed: UInt64) {
        var source = HostileSource(seed: seed)
        var answered = 0
        for _ in 0..<2500 {
            let op = source.op()
            let inputs = (0..<Int.random(in: 0...8, using: &source.generator)).map { _ in source.tensor() }
            let outputs = (try? ReferenceKernels.evaluate(op, inputs: inputs, outputCount: 1)) ?? []
            answered += outputs.count
        }
        // Some of the calls make sense; otherwise the test would only see the first check of each kernel.
        #expect(answered > 50, "seed \(seed): \(answered) calls had a result")
    }
}

/// Draws operators and tensors from a pool of small and absurd numbers.
private struct HostileSource {
    var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    private mutating func pick<T>(_ options: [T]) -> T {
        options[Int.random(in: 0..<options.count, using: &generator)]
    }

    /// Mostly small; the absurd ones are so large that nothing of that size is ever allocated.
    private mutating func number() -> Int {
        pick([-2, -1, 0, 0, 1, 1, 1, 2, 2, 3, 4, .max, .min, 1 << 40, -1 << 40, 1 << 62, .max - 1])
    }

    private mutating func numbers() -> [Int] {
        (0..<Int.random(in: 0...4, using: &generator)).map { _ in number() }
    }

    private mutating func real() -> Float {
        pick([0, 1, -1, 0.5, 2, 3.7, .nan, .infinity, -.infinity, 1e30, -1e-30, .leastNonzeroMagnitude])
    }

    mutating func tensor() -> Tensor? {
        if Int.random(in: 0..<8, using: &generator) == 0 { return nil }
        if Int.random(in: 0..<3, using: &generator) == 0 {
            let values = numbers().map(Int64.init)
            return Tensor(shape: [values.count], elements: values)
        }
        let empty: [Shape] = [[0], [2, 0, 3], [0, 1 << 40, 1 << 40], [1 << 40, 0]]
        let usual: [Shape] = [[], [1], [3], [2, 3], [1, 4, 3], [1, 2, 3, 3], [2, 2, 1, 3], [1, 1, 2, 2, 2]]
        let shape = pick(usual + usual + usual + empty)
        var values: [Float] = []
        for _ in 0..<shape.elementCount { values.append(real()) }
        let floats = Tensor(shape: shape, elements: values)
        let type = pick([ElementType.float32, .float32, .float32] + ElementType.allCases)
        return try? ReferenceKernels.evaluate(.cast(CastAttributes(to: type)), inputs: [floats], outputCount: 1).first
    }

    private mutating func padding() -> WindowPadding {
        pick([
            .valid, .sameUpper, .sameLower, .explicit(before: [], after: []),
            .explicit(before: numbers(), after: numbers()),
        ])
    }

    private mutating func convolution() -> ConvolutionAttributes {
        ConvolutionAttributes(
            kernelShape: pick([nil, nil, numbers()]), strides: pick([[], numbers()]), dilations: pick([[], numbers()]),
            padding: padding(), groups: pick([1, 1, 2, number()]))
    }

    private mutating func pooling() -> PoolingAttributes {
        PoolingAttributes(
            kernelShape: pick([[1], [2], [2, 2], [1, 1, 1], numbers()]), strides: pick([[], numbers()]),
            dilations: pick([[], numbers()]), padding: padding(), ceilMode: pick([true, false]),
            countIncludesPadding: pick([true, false]), columnMajorIndices: pick([true, false]))
    }

    private mutating func recurrent() -> RecurrentAttributes {
        RecurrentAttributes(
            hiddenSize: number(), direction: pick(RecurrentAttributes.Direction.allCases),
            activations: pick([[], ["Sigmoid", "Tanh", "Affine"], ["nothing"]]), clip: pick([nil, real()]),
            linearBeforeReset: pick([true, false]), batchFirst: pick([true, false]))
    }

    private mutating func resize() -> ResizeAttributes {
        ResizeAttributes(
            mode: pick(ResizeAttributes.Mode.allCases),
            coordinates: pick(ResizeAttributes.CoordinateTransformation.allCases),
            nearestRounding: pick(ResizeAttributes.NearestRounding.allCases), cubicCoefficient: real(),
            excludesOutside: pick([true, false]), extrapolationValue: real(), antialias: pick([true, false]),
            aspectRatio: pick(ResizeAttributes.AspectRatio.allCases), axes: pick([nil, nil, numbers()]))
    }

    mutating func op() -> Operator {
        let window: [Operator] = [
            .convolution(convolution()),
            .transposedConvolution(
                TransposedConvolutionAttributes(
                    convolution: convolution(), outputPadding: pick([[], numbers()]),
                    outputShape: pick([nil, numbers()]))),
            .averagePool(pooling()), .maxPool(pooling()), .globalAveragePool, .globalMaxPool,
        ]
        let arithmetic: [Operator] = [
            .matMul, .gemm(GemmAttributes(alpha: real(), beta: real(), transposeA: pick([true, false]))),
            .unary(pick([.absolute, .negate, .erf, .exp, .round, .gelu(tanhApproximation: true)])),
            .binary(pick(BinaryFunction.allCases)), .variadic(pick(VariadicFunction.allCases)), .clip,
            .cast(CastAttributes(to: pick(ElementType.allCases))), .dropout, .identity,
            .reduce(
                ReductionAttributes(
                    function: pick(ReductionFunction.allCases), keepsAxes: pick([true, false]),
                    emptyAxesMeansNone: pick([true, false]))),
            .batchNormalization(BatchNormalizationAttributes(trainingMode: pick([true, false]))),
            .layerNormalization(LayerNormalizationAttributes(axis: number())),
            .localResponseNormalization(LocalResponseNormalizationAttributes(size: number())), .softmax(axis: number()),
            .logSoftmax(axis: number()), .quantizeLinear(QuantizeLinearAttributes(axis: number())),
            .dequantizeLinear(DequantizeLinearAttributes(axis: number())),
        ]
        let moves: [Operator] = [
            .reshape(allowZero: pick([true, false])), .flatten(axis: number()),
            .transpose(permutation: pick([nil, numbers()])), .squeeze, .unsqueeze, .expand, .concat(axis: number()),
            .split(axis: number(), outputCount: pick([nil, number()])), .slice, .pad(pick(PaddingMode.allCases)),
            .gather(axis: number()), .shape(start: number(), end: pick([nil, number()])),
            .constantOfShape(value: Tensor(scalar: real())), .resize(resize()), .lstm(recurrent()), .gru(recurrent()),
        ]
        return pick([pick(window), pick(arithmetic), pick(moves)])
    }
}
