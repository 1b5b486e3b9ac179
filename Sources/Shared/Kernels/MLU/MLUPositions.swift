public import Tensors

/// The power-of-two steps into which the device's eager library turns scales.
///
/// A position `p` belongs to a scale `s` by way of the largest magnitude `absmax = qmax / s`:
/// `p = floor(log2(absmax)) - (bits - 2)`, and the step is `2^p` instead of `absmax / qmax`. The logarithm is an exact
/// exponent; the library's own `logf(absmax) / log(2)` is one too low for some powers of two.
public struct MLUPositions: Hashable, Sendable {
    /// Position of the input: its step is `2^input`.
    public let input: Int
    /// Position of the weights, or of each output channel's.
    public let weights: [Int]
    /// The position with which all channels are convolved: the middle of the channels' positions, halves away from zero.
    public let common: Int

    /// Takes the positions of scales.
    ///
    /// - Parameters:
    ///   - input: The stored scale of the input, above 0.
    ///   - weights: One scale, or with `isPerChannel` one for each output channel, each above 0.
    ///   - isPerChannel: Whether channels have scales of their own.
    ///   - elementType: `int8` or `int16`.
    public init(input: Float, weights: [Float], isPerChannel: Bool, elementType: ElementType) {
        self.input = Self.position(of: input, elementType)
        let positions = weights.map { Self.position(of: $0, elementType) }
        self.weights = positions
        guard isPerChannel, let low = positions.min(), let high = positions.max() else {
            common = positions.first ?? 0
            return
        }
        common = Int((Double(low + high) / 2).rounded(.toNearestOrAwayFromZero))
    }

    private static func position(of scale: Float, _ elementType: ElementType) -> Int {
        let absoluteMaximum = Double(MLUQuantization.largest(elementType)) / Double(scale)
        return Int(absoluteMaximum.exponent) - (elementType.byteCount * 8 - 2)
    }
}
