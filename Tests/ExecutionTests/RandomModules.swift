import Graphs
import Tensors
import TestSupport

/// Random small networks of modules of the simulated device with what is computed without rounding differences between
/// them, so that fast and plain executors must agree to the bit.
enum RandomModules {
    /// Channels of every value inside.
    private static let channels = 6

    /// Makes a network; the same for the same seed.
    static func make(seed: UInt64) -> (network: SmallNetwork, extents: [Int]) {
        var network = SmallNetwork(seed: seed)
        let rank = seed % 4 == 3 ? Int.random(in: 1...3, using: &network.generator) : 2
        let extents = [2, 3] + (0..<rank).map { _ in Int.random(in: 6...9, using: &network.generator) }
        let first = network.input(extents)
        let isFirstNormalized = Bool.random(using: &network.generator)
        var values = [
            network.module(first, 3, channels, rank: rank, kernel: 1, normalized: isFirstNormalized)
        ]
        for _ in 0..<Int.random(in: 3...9, using: &network.generator) {
            let x = values[Int.random(in: max(0, values.count - 2)..<values.count, using: &network.generator)]
            let other = values[Int.random(in: 0..<values.count, using: &network.generator)]
            values.append(step(&network, x, other, rank: rank))
        }
        let last = values[values.count - 1]
        network.output(last)
        if Bool.random(using: &network.generator) { network.output(values[values.count / 2]) }
        let pooled = network.add(.globalMaxPool, last)
        let flat = network.add(.flatten(axis: 1), pooled)
        network.output(network.linear(network.add(.unary(.relu), network.linear(flat, channels, 17)), 17, 5))
        return (network, extents)
    }

    private static func step(_ network: inout SmallNetwork, _ x: String, _ other: String, rank: Int) -> String {
        func module(_ value: String, kernel: Int = 3) -> String {
            network.module(value, channels, channels, rank: rank, kernel: kernel)
        }
        switch Int.random(in: 0..<11, using: &network.generator) {
        case 0: return module(x)
        case 1: return network.add(.unary(.relu), module(x))
        case 2: return network.add(.unary(.relu), network.add(.binary(.add), module(x), other))
        case 3: return network.add(.binary(.add), other, network.add(.unary(.relu), module(x)))
        case 4:
            let (lower, upper) = (network.scalar(-0.5), network.scalar(1.5))
            let sum = network.add(.binary(.add), network.add(.clip, module(x), network.scalar(0), upper), other)
            return network.add(.clip, sum, lower, upper)
        case 5: return module(network.add(.unary(.relu), module(x, kernel: 1)), kernel: 1)
        case 6:
            let ones = [Int](repeating: 1, count: rank)
            let attributes = PoolingAttributes(
                kernelShape: ones.map { _ in 3 }, padding: .explicit(before: ones, after: ones))
            return module(network.add(.maxPool(attributes), module(x)))
        case 7: return network.add(.binary(.add), module(x), module(x))
        case 8: return network.add(.maxPool(PoolingAttributes(kernelShape: [Int](repeating: 1, count: rank))), x)
        case 9: return network.add(.unary(.relu), network.add(.unary(.relu), module(x)))
        default:
            // Two readers with scales of their own, one of them with the other width.
            let y = network.add(.unary(.relu), module(x))
            return network.add(.variadic(.sum), module(y), module(y))
        }
    }
}

extension SmallNetwork {
    private mutating func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    /// A convolution module that keeps the extents, with random groups, dilations, width and scales.
    mutating func module(
        _ input: String, _ channels: Int, _ filters: Int, rank: Int, kernel: Int, normalized: Bool = false
    ) -> String {
        let choices = [1, 1, 2, 3, 6].filter { channels % $0 == 0 && filters % $0 == 0 }
        let groups = choices[pick(0...choices.count - 1)]
        let dilation = pick(1...2)
        let pads = [Int](repeating: (kernel - 1) * dilation / 2, count: rank)
        let attributes = ConvolutionAttributes(
            dilations: pads.map { _ in dilation },
            padding: pick(0...3) == 0 ? .sameUpper : .explicit(before: pads, after: pads), groups: groups)
        let fan = Float(channels / groups * (0..<rank).reduce(1) { product, _ in product * kernel })
        let weight = weights(
            [filters, channels / groups] + [Int](repeating: kernel, count: rank), scale: (1 / fan).squareRoot())
        var extra: [Tensor?] = [nil, nil]
        if normalized {
            let shape = Shape([1, channels] + [Int](repeating: 1, count: rank))
            extra = [
                Tensor(shape: shape, elements: (0..<channels).map { _ in generator.normal() }),
                Tensor(shape: shape, elements: (0..<channels).map { _ in 0.5 + abs(generator.normal()) }),
            ]
        }
        return addModule(.convolution(attributes), input, weight, filters, extra)
    }

    /// A linear module.
    mutating func linear(_ input: String, _ inputs: Int, _ outputs: Int) -> String {
        let weight = weights([outputs, inputs], scale: (1 / Float(inputs)).squareRoot())
        return addModule(.linear, input, weight, outputs, [nil, nil])
    }

    /// A module with a random width and scales; `extra` are mean and deviation.
    mutating func addModule(
        _ op: MLUOperator, _ input: String, _ weight: String, _ outputs: Int, _ extra: [Tensor?] = [nil, nil]
    ) -> String {
        let mode = pick(1...4)
        let qmax: Float = mode % 2 == 1 ? 127 : 32767
        // The smaller ranges saturate now and then.
        var scale = [qmax / Float(pick(1...4)), mode >= 3 ? 0 : qmax / Float(pick(1...2))]
        if mode >= 3 { scale += (0..<outputs).map { _ in qmax / (0.3 + abs(generator.normal())) } }
        let bias = pick(0...1) == 1 ? weights([outputs], scale: 0.1) : ""
        let parameters = [
            weight, bias, constant(Tensor(shape: [scale.count], elements: scale)),
            constant(Tensor(shape: [1], elements: [Int32(mode)])), constant(Tensor(shape: [1], elements: [Int64(1)])),
            "", "",
        ]
        let normalization = extra.map { tensor in
            if let tensor { constant(tensor) } else { "" }
        }
        return add(.mlu(op), inputs: [input] + parameters + normalization, outputs: 1)[0]
    }

    /// A module with given scales: those of the input and the weights, as a value of two elements.
    mutating func module(
        _ op: MLUOperator, _ input: String, _ weight: String, scale: String, mode: Int32
    ) -> String {
        let parameters = [
            weight, "", scale, constant(Tensor(shape: [1], elements: [mode])),
            constant(Tensor(shape: [1], elements: [Int64(1)])), "", "", "", "",
        ]
        return add(.mlu(op), inputs: [input] + parameters, outputs: 1)[0]
    }

    /// An int8 module with one scale for the input and one for all weights.
    mutating func int8(_ op: MLUOperator, _ input: String, _ weight: String) -> String {
        module(op, input, weight, scale: constant(Tensor(shape: [2], elements: [Float(40), 60])), mode: 1)
    }
}
