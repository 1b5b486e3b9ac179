import Graphs
import Tensors

/// Weights and biases of convolutions with a batch normalization folded in; computed once for all plans.
final class FoldedWeights {
    /// Weights and bias after folding.
    struct Pair {
        /// In the convolution's shape.
        var weights: Tensor
        /// [M].
        var bias: Tensor
    }

    private var folded: [Int: Pair] = [:]

    /// Makes an empty collection.
    init() {}

    /// A number for the weights of a node that have the same contents in all plans of the executor.
    ///
    /// That of the folded ones is one more. 0 when the contents differ between plans.
    func key(of position: Int, isShared: Bool) -> UInt64 {
        isShared ? UInt64(position) * 2 + 1 : 0
    }

    /// Folds `scale * (x - mean) / sqrt(variance + epsilon) + shift` into a convolution.
    ///
    /// Computed in double precision and rounded once, so that the result does not depend on the order of operations.
    ///
    /// Weights are [M, C/groups, kernel...], or [C, M/groups, kernel...] with `transposedGroups`; the statistics are
    /// scale, shift, mean and variance, each [M]. `nil` when the extents do not fit.
    func fold(
        position: Int, weights: Tensor, bias: Tensor?, transposedGroups groups: Int?, statistics: [Tensor],
        epsilon: Float
    ) -> Pair? {
        if let pair = folded[position] { return pair }
        let columns = statistics.map { $0.elements(as: Float.self).map(Double.init) }
        guard columns.count == 4, let channels = columns.first?.count, columns.allSatisfy({ $0.count == channels }),
            weights.shape.rank >= 2, channels > 0
        else { return nil }
        let factors = zip(columns[0], columns[3]).map { scale, variance in
            scale / (variance + Double(epsilon)).squareRoot()
        }
        var scaled = weights.elements(as: Float.self)
        if let groups {
            let perGroup = weights.shape[1]
            guard perGroup * groups == channels, weights.shape[0] % groups == 0 else { return nil }
            let window = weights.elementCount / (weights.shape[0] * perGroup)
            let inputsPerGroup = weights.shape[0] / groups
            for index in scaled.indices {
                let output = index / window % perGroup
                let group = index / window / perGroup / inputsPerGroup
                scaled[index] = Float(Double(scaled[index]) * factors[group * perGroup + output])
            }
        } else {
            guard weights.shape[0] == channels else { return nil }
            let row = weights.elementCount / channels
            for index in scaled.indices { scaled[index] = Float(Double(scaled[index]) * factors[index / row]) }
        }
        let old = bias?.elements(as: Float.self) ?? [Float](repeating: 0, count: channels)
        guard old.count == channels else { return nil }
        let shifted = (0..<channels).map { channel in
            Float((Double(old[channel]) - columns[2][channel]) * factors[channel] + columns[1][channel])
        }
        let pair = Pair(
            weights: Tensor(shape: weights.shape, elements: scaled), bias: Tensor(shape: [channels], elements: shifted))
        folded[position] = pair
        return pair
    }
}
