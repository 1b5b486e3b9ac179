public import Graphs
internal import Tensors

/// Makes the weights of neighbouring layers use their range alike in all channels, without changing what the model computes.
///
/// A channel between two layers can be multiplied by a positive factor in the first and divided by it in the second (Nagel et al., "Data-Free
/// Quantization Through Weight Equalization and Bias Correction", 2019). Quantization per tensor gives all channels one scale, so that a
/// channel with small weights next to one with large ones loses its digits; equalized channels do not. The factors are powers of two, so
/// that the float model computes the same bits: only where a `Clip` has an upper bound, its result must stay below, which is
/// known for the samples that were looked at.
public struct CrossLayerEqualization {
    /// What became of two layers.
    public struct PairReport: Hashable, Sendable {
        /// Name of the layer whose result has the channels.
        public let first: String
        /// Name of the layer that reads them.
        public let second: String
        /// Largest by smallest range of a channel's weights in the first layer, normalization included; channels without weights are
        /// left out.
        public let spreadBefore: Float
        /// The same afterwards.
        public let spreadAfter: Float
    }

    /// Values whose largest element in each channel must be known, because a `Clip` cuts them off there.
    public var boundedValues: [String] {
        Set(pairs.flatMap { $0.bounds.map(\.value) }).sorted()
    }

    private let graph: Graph
    private let pairs: [EqualizablePair]
    /// Rounds after which ranges are taken as they are; they settle after a few, because factors pass on from pair to pair.
    private static let maximumRoundCount = 64
    /// Factors beyond 2^10 would only help channels that hardly matter.
    private static let largestExponent: Float = 10

    /// Finds the pairs of a model.
    ///
    /// - Parameter graph: A float model with its normalizations.
    public init(_ graph: Graph) {
        self.graph = graph
        pairs = EqualizablePairFinder(graph).pairs()
    }

    /// Equalizes all pairs.
    ///
    /// - Parameter largest: For each of `boundedValues` the largest element of each channel over representative samples.
    /// - Returns: The model with other parameters, and what became of each pair.
    /// - Throws: `ConversionError.missingParameters` without the elements of a bounded value.
    public func equalized(
        largest: [String: [Float]]
    ) throws(ConversionError) -> (graph: Graph, pairs: [PairReport]) {
        var largest = largest
        for pair in pairs {
            for bound in pair.bounds where largest[bound.value] == nil {
                throw .missingParameters(tensor: bound.value, node: graph.nodes[pair.first].name)
            }
        }
        var layers = LayerParameters(graph)
        let before = pairs.map { layers.spread(of: $0) }
        for _ in 0..<Self.maximumRoundCount {
            var hasChanged = false
            for pair in pairs {
                let factors = factors(pair, layers, largest)
                guard factors.contains(where: { $0 != 1 }) else { continue }
                hasChanged = true
                layers.scale(pair, by: factors)
                for bound in pair.bounds {
                    largest[bound.value] = largest[bound.value].map { zip($0, factors).map { $0 * $1 } }
                }
            }
            if !hasChanged { break }
        }
        let reports = zip(pairs, before).map { pair, spread in
            PairReport(
                first: graph.nodes[pair.first].name, second: graph.nodes[pair.second].name, spreadBefore: spread,
                spreadAfter: layers.spread(of: pair))
        }
        return (layers.graph, reports)
    }

    /// The factor of each channel: what makes both layers' ranges equal, as the nearest power of two.
    ///
    /// A half is rounded to even: away from zero it would go to and fro for ever.
    private func factors(_ pair: EqualizablePair, _ layers: LayerParameters, _ largest: [String: [Float]]) -> [Float] {
        let (own, next) = (layers.outputRanges(of: pair), layers.inputRanges(of: pair))
        return own.indices.map { channel in
            guard own[channel] > 0, next[channel] > 0, own[channel].isFinite, next[channel].isFinite else { return 1 }
            let exponent = ((next[channel].logarithm2 - own[channel].logarithm2) / 2).rounded(.toNearestOrEven)
            let factor = Float(
                sign: .plus, exponent: Int(min(max(exponent, -Self.largestExponent), Self.largestExponent)),
                significand: 1)
            for bound in pair.bounds {
                guard let elements = largest[bound.value], elements.indices.contains(channel) else { return 1 }
                // What is cut off would be cut off elsewhere.
                if elements[channel] >= bound.upper || elements[channel] * factor >= bound.upper { return 1 }
            }
            return factor
        }
    }
}

extension Float {
    /// The logarithm to base 2 in steps of a 2^-23th, from the number's own parts, so that no machine has another one.
    fileprivate var logarithm2: Float { Float(exponent) + (significand - 1) }
}
