internal import Foundation
internal import Tensors

/// What the parameters of a new model begin with: random numbers that follow from a seed and the parameter's name alone.
public struct ParameterInitialization: Sendable, Hashable {
    /// The variance of weights.
    public enum Variance: Sendable, Hashable {
        /// `1 / inputs`: the default of layers.
        case fanIn
        /// `2 / outputs`: He and others for networks of rectifiers.
        case kaimingFanOut
    }

    /// The seed.
    public var seed: UInt64
    /// The variance of weights.
    public var variance: Variance

    /// Makes a recipe.
    public init(seed: UInt64 = 0, variance: Variance = .kaimingFanOut) {
        self.seed = seed
        self.variance = variance
    }

    func tensor(for parameter: Layer.Parameter, name: String) -> Tensor {
        let count = parameter.shape.elementCount
        switch parameter.beginning {
        case .zeros: return Tensor(zeros: parameter.shape, elementType: .float32)
        case .ones: return Tensor(shape: parameter.shape, elements: [Float](repeating: 1, count: count))
        case .weight(let fanIn, let fanOut):
            let deviation =
                switch variance {
                case .fanIn: (1 / Double(max(fanIn, 1))).squareRoot()
                case .kaimingFanOut: (2 / Double(max(fanOut, 1))).squareRoot()
                }
            var generator = NormalGenerator(seed: seed, name: name)
            return Tensor(
                shape: parameter.shape, elements: (0..<count).map { _ in Float(generator.next() * deviation) })
        }
    }
}

/// Normally distributed numbers: SplitMix64, begun from a seed and a text (FNV-1a), and the polar method.
private struct NormalGenerator {
    private var state: UInt64
    private var spare: Double?

    init(seed: UInt64, name: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        state = hash ^ (seed &* 0x9e37_79b9_7f4a_7c15)
    }

    private mutating func word() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func next() -> Double {
        if let number = spare {
            spare = nil
            return number
        }
        while true {
            let x = Double(word() >> 11) * 0x1p-52 - 1
            let y = Double(word() >> 11) * 0x1p-52 - 1
            let square = x * x + y * y
            guard square > 0, square < 1 else { continue }
            let factor = (-2 * log(square) / square).squareRoot()
            spare = y * factor
            return x * factor
        }
    }
}
