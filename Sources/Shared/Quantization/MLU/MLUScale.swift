public import Tensors

/// A scale of the simulated device, `integer = round(real * scale)`, and what was odd about it.
public struct MLUScale: Sendable, Hashable {
    /// The scale; positive and finite, and so is its reciprocal.
    public var value: Float
    /// Why the scale is 1 although nothing asked for it; `nil` also when all elements were zero.
    public var warning: MLUScaleWarning?

    /// Makes a scale.
    public init(value: Float, warning: MLUScaleWarning? = nil) {
        self.value = value
        self.warning = warning
    }

    /// The scale that maps a magnitude to the largest integer: the quotient in `Double`, rounded once to `Float`.
    ///
    /// Magnitude 0 gives 1. So do, with a warning, an infinite one and one whose scale would leave the range of `Float`.
    public init(largestMagnitude: Double, type: MLUDataType) {
        guard !largestMagnitude.isNaN else {
            self.init(value: 1, warning: .notANumber)
            return
        }
        guard largestMagnitude > 0 else {
            self.init(value: 1)
            return
        }
        let scale = Float(Double(type.largest) / largestMagnitude)
        guard scale.isFinite else {
            self.init(value: 1, warning: .tooSmall)
            return
        }
        guard largestMagnitude.isFinite, scale > 0, (1 / scale).isFinite else {
            self.init(value: 1, warning: .infinite)
            return
        }
        self.init(value: scale)
    }

    /// The scales of a weight: one, or one for each entry along axis 0.
    ///
    /// - Precondition: The weight is `float32` and of rank 1 or more.
    public static func weight(_ weight: Tensor, type: MLUDataType, isPerChannel: Bool) -> [MLUScale] {
        let channels = isPerChannel ? weight.shape[0] : 1
        guard channels > 0 else { return [] }
        return weight.withElements(as: Float.self) { (elements: Span<Float>) in
            let count = elements.count / channels
            return (0..<channels).map { channel in
                var observer = MLURangeObserver()
                var range = CallRange()
                range.include(elements.extracting(channel * count..<(channel + 1) * count))
                observer.record(range)
                // A weight without elements has no largest magnitude; 0 stands for it.
                return count == 0 ? MLUScale(value: 1) : observer.scale(for: type)
            }
        }
    }
}

/// Why a scale is 1.
public enum MLUScaleWarning: Sendable, Hashable, CustomStringConvertible {
    /// Elements were not a number.
    case notANumber
    /// Nothing was observed.
    case neverCalibrated
    /// The largest magnitude is infinite.
    case infinite
    /// All magnitudes are so small that the scale exceeds the largest `Float`.
    case tooSmall

    /// What was seen.
    public var description: String {
        switch self {
        case .notANumber: "elements are not a number"
        case .neverCalibrated: "it was never calibrated"
        case .infinite: "elements are infinite"
        case .tooSmall: "all elements are too small for a scale"
        }
    }
}
