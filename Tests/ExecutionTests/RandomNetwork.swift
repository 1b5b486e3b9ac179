import Graphs
import Tensors
import TestSupport

/// Random small networks of the operators that the fast executor combines.
enum RandomNetwork {
    /// Extents of the input.
    static let extents = [2, 4, 6, 5]

    /// Makes a network with every kind of neighbourhood that fusion looks for.
    static func make(seed: UInt64) -> SmallNetwork {
        var network = SmallNetwork(seed: seed)
        // Values of shape [N, 4, 6, 5] to draw from.
        var values = [network.input(extents)]
        let count = Int.random(in: 4...12, using: &network.generator)
        for _ in 0..<count {
            let x = values[Int.random(in: max(0, values.count - 3)..<values.count, using: &network.generator)]
            let other = values[Int.random(in: 0..<values.count, using: &network.generator)]
            values.append(step(&network, x, other))
        }
        let last = values[values.count - 1]
        network.output(last)
        if Bool.random(using: &network.generator) { network.output(values[values.count / 2]) }
        let pooled = network.add(.flatten(axis: 1), network.add(.globalAveragePool, last))
        let weight = network.weights([3, 4])
        let logits = network.add(.gemm(GemmAttributes(transposeB: true)), pooled, weight, network.weights([3]))
        network.output(network.add(.softmax(axis: 1), logits))
        return network
    }

    private static func step(_ network: inout SmallNetwork, _ x: String, _ other: String) -> String {
        switch Int.random(in: 0..<16, using: &network.generator) {
        case 0: return network.convolution(x, 4, 4)
        case 1: return network.normalization(network.convolution(x, 4, 4, bias: false), 4)
        case 2: return network.add(.unary(.relu), network.normalization(network.convolution(x, 4, 4, groups: 4), 4))
        case 3: return network.add(.unary(.relu), network.add(.binary(.add), network.convolution(x, 4, 4), other))
        case 4: return network.add(.binary(.add), other, x)
        case 5:
            let (lower, upper) = (network.scalar(0), network.scalar(6))
            return network.add(.clip, network.convolution(x, 4, 4, kernel: [1, 1], padding: 0), lower, upper)
        case 6:
            let y = network.convolution(x, 4, 4)
            return network.add(.binary(.multiply), y, network.add(.unary(.sigmoid), y))
        case 7: return gelu(&network, x)
        case 8: return network.normalization(x, 4)
        case 9:
            let sum = network.add(.concat(axis: 1), x, other)
            return network.convolution(sum, 8, 4, kernel: [1, 1], padding: 0)
        case 10:
            let gate = network.add(.unary(.sigmoid), network.add(.globalAveragePool, x))
            return network.add(.binary(.multiply), x, gate)
        case 11:
            let turned = network.add(.transpose(permutation: [0, 2, 3, 1]), x)
            let product = network.add(.matMul, turned, network.weights([4, 4], scale: 0.5))
            let shifted = network.add(.binary(.add), product, network.weights([4]))
            return network.add(.transpose(permutation: [0, 3, 1, 2]), shifted)
        case 12:
            let scaled = network.add(.binary(.multiply), network.convolution(x, 4, 4), network.weights([1, 4, 1, 1]))
            return network.add(.binary(.add), scaled, network.scalar(0.3))
        case 13:
            let parts = network.add(.split(axis: 1, outputCount: 2), inputs: [x], outputs: 2)
            return network.add(.concat(axis: 1), parts[1], network.add(.unary(.tanh), parts[0]))
        case 14:
            let pads = [1, 1]
            let attributes = PoolingAttributes(kernelShape: [3, 3], padding: .explicit(before: pads, after: pads))
            return network.add(.maxPool(attributes), x)
        default: return network.add(.unary(.leakyRelu(slope: 0.1)), network.add(.binary(.subtract), x, other))
        }
    }

    private static func gelu(_ network: inout SmallNetwork, _ x: String) -> String {
        let scaled = network.add(.binary(.divide), x, network.scalar(Float(2).squareRoot()))
        let shifted = network.add(.binary(.add), network.add(.unary(.erf), scaled), network.scalar(1))
        if Bool.random(using: &network.generator) {
            let product = network.add(.binary(.multiply), x, shifted)
            return network.add(.binary(.multiply), product, network.scalar(0.5))
        }
        return network.add(.binary(.multiply), network.add(.binary(.multiply), x, network.scalar(0.5)), shifted)
    }
}
