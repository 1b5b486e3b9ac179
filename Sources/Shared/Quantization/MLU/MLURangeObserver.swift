/// How the extremes of several calls become one range.
public enum MLUAveraging: String, Sendable, Hashable, CaseIterable, Codable {
    /// The mean of the calls' minima and of their maxima, as the guide says.
    case mean
    /// What the guide's software computes: the first call counts twice.
    case firstCallTwice
}

/// Follows the range of a module's input call by call.
///
/// All arithmetic is in `Double` and in the order of the calls, so the same calls give the same bits.
public struct MLURangeObserver: Sendable {
    /// `nil` keeps the smallest minimum and the largest maximum.
    public let averaging: MLUAveraging?
    /// Every call's extremes are multiplied by it.
    public let dataScale: Double
    /// Calls that are recorded; `nil` records all.
    public let callLimit: Int?
    /// Calls that were recorded.
    public private(set) var callCount = 0
    /// Calls after the limit, which were ignored.
    public private(set) var ignoredCallCount = 0
    /// Smallest, mean or twice-first mean of the calls' minima, by `averaging`.
    public private(set) var minimum = 0.0
    /// The same of the maxima.
    public private(set) var maximum = 0.0
    /// Whether an element of a recorded call was not a number.
    public private(set) var hasNaN = false
    private var sums = (minimum: 0.0, maximum: 0.0)

    /// Makes an observer that has seen nothing.
    public init(averaging: MLUAveraging? = nil, dataScale: Double = 1, callLimit: Int? = nil) {
        self.averaging = averaging
        self.dataScale = dataScale
        self.callLimit = callLimit
    }

    /// Records the range of one call; a call that saw no element changes nothing.
    public mutating func record(_ call: CallRange) {
        guard !call.isEmpty else { return }
        if let callLimit, callCount >= callLimit {
            ignoredCallCount += 1
            return
        }
        callCount += 1
        guard !call.hasNaN else {
            hasNaN = true
            return
        }
        // A negative factor would swap the ends; the specification refuses it.
        let low = Double(call.minimum) * dataScale
        let high = Double(call.maximum) * dataScale
        sums.minimum += low
        sums.maximum += high
        if callCount == 1 {
            (minimum, maximum) = (low, high)
            return
        }
        switch averaging {
        case nil:
            minimum = min(minimum, low)
            maximum = max(maximum, high)
        case .mean:
            minimum = sums.minimum / Double(callCount)
            maximum = sums.maximum / Double(callCount)
        case .firstCallTwice:
            let weight = Double(callCount)
            minimum = (minimum * weight + low) / (weight + 1)
            maximum = (maximum * weight + high) / (weight + 1)
        }
    }

    /// Takes note of elements that are not finite and belong to no call of their own.
    public mutating func note(notFinite elements: CallRange) {
        guard !elements.isEmpty else { return }
        hasNaN = hasNaN || elements.hasNaN
        if elements.minimum == -.infinity { minimum = -.infinity }
        if elements.maximum == .infinity { maximum = .infinity }
    }

    /// The scale of the input: `largest / max(maximum, -minimum)`.
    public func scale(for type: MLUDataType) -> MLUScale {
        guard callCount > 0 else { return MLUScale(value: 1, warning: .neverCalibrated) }
        guard !hasNaN else { return MLUScale(value: 1, warning: .notANumber) }
        return MLUScale(largestMagnitude: max(maximum, -minimum), type: type)
    }
}
