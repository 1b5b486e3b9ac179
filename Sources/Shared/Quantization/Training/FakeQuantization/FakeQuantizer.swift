internal import Foundation

/// Rounds one real number to the grid of a quantized tensor, and differentiates that: the definition that all fast loops follow.
///
/// Every operation is rounded to `Float`. Halves are rounded away from zero.
public struct FakeQuantizer: Sendable, Hashable {
    /// What rounds.
    public let algorithm: FakeQuantSpecification.Algorithm
    /// The distance of neighbouring results: the parameter itself, 2^parameter (`tqt`), or |parameter| + epsilon (`lsq`).
    public let scale: Float
    /// The integer that stands for zero.
    public let zeroPoint: Float
    /// The smallest integer.
    public let minimum: Float
    /// The largest integer, rounded towards zero if it is no `Float`.
    public let maximum: Float
    /// What the sum of the terms of `gradient` is multiplied by to give the gradient of the parameter.
    ///
    /// 0 (`fakeQuantize`), ln 2 * scale (`tqt`), the sign of the step (`lsq`; -1 at 0, as MegEngine differentiates |x|).
    public let parameterFactor: Double

    /// Makes a fake quantizer.
    ///
    /// - Parameters:
    ///   - specification: What rounds, and to which integers.
    ///   - parameter: What `FakeQuantizeAttributes` describes: scale, logarithm of the scale, or step.
    ///   - zeroPoint: An integer; `tqt` ignores it.
    public init(_ specification: FakeQuantSpecification, parameter: Float, zeroPoint: Float = 0) {
        algorithm = specification.algorithm
        switch algorithm {
        case .fakeQuantize:
            scale = parameter
            parameterFactor = 0
        case .tqt:
            scale = Float(exp2(Double(parameter)))
            parameterFactor = log(2.0) * Double(scale)
        case .lsq:
            scale = parameter.magnitude + specification.epsilon
            parameterFactor = parameter > 0 ? 1 : -1
        }
        self.zeroPoint = algorithm == .tqt ? 0 : zeroPoint
        minimum = Float(specification.dtype.minimum)
        let largest = Float(specification.dtype.maximum)
        maximum = Int32(exactly: largest) == nil ? largest.nextDown : largest
    }

    /// Makes the fake quantizer of observed parameters.
    public init(_ parameters: QParams) {
        self.init(
            FakeQuantSpecification(.fakeQuantize, dtype: parameters.dtype), parameter: parameters.scale,
            zeroPoint: Float(parameters.zeroPoint ?? 0))
    }

    /// The nearest number of the grid; NaN stays NaN, infinities become the ends.
    ///
    /// `fakeQuantize`: `(clip(round(x / s) + z) - z) * s`. `tqt`: `clip(round(x / s)) * s`. `lsq`: `(round(clip(x / s + z)) - z) * s`.
    public func callAsFunction(_ value: Float) -> Float {
        switch algorithm {
        case .fakeQuantize, .tqt: (clipped(rounded(value / scale) + zeroPoint) - zeroPoint) * scale
        case .lsq: (rounded(clipped(value / scale + zeroPoint)) - zeroPoint) * scale
        }
    }

    /// What an upstream gradient gives to the input and to the parameter.
    ///
    /// With u = x / s (+ z for `lsq`), the input's gradient is the upstream one where nothing is clipped: `fakeQuantize` looks at the
    /// rounded integer, `lsq` at u itself, `tqt` at u with half a step more on both sides. The parameter's term is the upstream
    /// gradient times the clipped integer (`tqt`) or the end of the range (`lsq`) where it is clipped, times round(u) - u
    /// elsewhere; the difference is a `Float`, the product a `Double`.
    public func gradient(of value: Float, upstream: Float) -> (input: Float, parameterTerm: Double) {
        switch algorithm {
        case .fakeQuantize:
            let integer = rounded(value / scale) + zeroPoint
            return (integer >= minimum && integer <= maximum ? upstream : 0, 0)
        case .tqt:
            let quotient = value / scale
            let integer = clipped(rounded(quotient))
            let isOutside = quotient < minimum - 0.5 || quotient > maximum + 0.5
            let term = isOutside ? integer : integer - quotient
            return (isOutside ? 0 : upstream, Double(upstream) * Double(term))
        case .lsq:
            let quotient = value / scale + zeroPoint
            let isInside = quotient >= minimum && quotient <= maximum
            let inner = rounded(quotient) - quotient
            let term = quotient < minimum ? minimum : quotient > maximum ? maximum : inner
            return (isInside ? upstream : 0, Double(upstream) * Double(term))
        }
    }

    private func rounded(_ value: Float) -> Float { value.rounded(.toNearestOrAwayFromZero) }

    /// NaN passes through.
    private func clipped(_ value: Float) -> Float { value < minimum ? minimum : value > maximum ? maximum : value }
}
