internal import Foundation

/// How far a value of the quantized model is from the same value of the float model, over any number of samples.
///
/// Merging is exact, associative and commutative to the bit. Each sample gives its sums in `Double`, in the order that
/// `ErrorMeasure` documents; these are then added without rounding.
public struct ErrorStatistics: Sendable, Hashable {
    /// Elements that were compared.
    public private(set) var compared: UInt64 = 0
    /// Elements that were left out because one of the two is not finite.
    public private(set) var omitted: UInt64 = 0
    /// Sum of the squares of the float model's elements.
    public private(set) var signal = ExactSum()
    /// Sum of the squares of the differences.
    public private(set) var error = ExactSum()
    /// Sum of the squares of the quantized model's elements.
    public private(set) var power = ExactSum()
    /// Sum of the products of both.
    public private(set) var product = ExactSum()
    /// The largest magnitude of a difference.
    public private(set) var maximumError: Double = 0

    /// Nothing compared yet.
    public init() {}

    /// Takes statistics from a file.
    ///
    /// - Returns: `nil` when the numbers contradict each other.
    public init?(
        checking counts: (compared: UInt64, omitted: UInt64), signal: ExactSum, error: ExactSum, power: ExactSum,
        product: ExactSum, maximumError: Double
    ) {
        let sums = [signal, error, power]
        guard sums.allSatisfy({ !$0.isNegative }), (sums + [product]).allSatisfy(\.canBeOfFloats),
            maximumError.sign == .plus, maximumError.isFinite,
            error.isZero == (maximumError == 0),
            counts.compared > 0 || (sums + [product]).allSatisfy(\.isZero),
            // A sum of squares vanishes only when every element does, and then the products vanish too.
            !(signal.isZero || power.isZero) || product.isZero
        else { return nil }
        (compared, omitted) = counts
        self.signal = signal
        self.error = error
        self.power = power
        self.product = product
        self.maximumError = maximumError
    }

    /// Adds one sample.
    ///
    /// - Throws: `EvaluationStatisticsError.countOverflow` beyond 2^64 - 1 elements.
    public mutating func add(_ sample: ErrorMeasure) throws(EvaluationStatisticsError) {
        compared = try compared.addingCount(sample.compared)
        omitted = try omitted.addingCount(sample.omitted)
        signal.add(sample.signal)
        error.add(sample.error)
        power.add(sample.power)
        product.add(sample.product)
        maximumError = max(maximumError, sample.maximumError)
    }

    /// The statistics of the samples of both.
    ///
    /// - Throws: `EvaluationStatisticsError.countOverflow` beyond 2^64 - 1 elements.
    public func merging(_ other: ErrorStatistics) throws(EvaluationStatisticsError) -> ErrorStatistics {
        var merged = self
        merged.compared = try compared.addingCount(other.compared)
        merged.omitted = try omitted.addingCount(other.omitted)
        merged.signal += other.signal
        merged.error += other.error
        merged.power += other.power
        merged.product += other.product
        merged.maximumError = max(maximumError, other.maximumError)
        return merged
    }

    /// Signal to quantization noise ratio in decibels: `10 log10(signal / error)`.
    ///
    /// - Returns: Infinity when nothing differs, also when nothing was compared; minus infinity when all of the float model's
    ///   elements are zero and some of the quantized model's are not.
    public var signalToNoiseDecibels: Double {
        if error.isZero { return .infinity }
        if signal.isZero { return -.infinity }
        return 10 * log10(signal.doubleValue / error.doubleValue)
    }

    /// Cosine of the angle between the two as vectors: `product / sqrt(signal * power)`, at most 1.
    ///
    /// - Returns: 1 when nothing differs; 0 when only one of the two is zero everywhere; `nil` when nothing was compared.
    public var cosine: Double? {
        if compared == 0 { return nil }
        if error.isZero { return 1 }
        if signal.isZero || power.isZero { return 0 }
        let length = signal.doubleValue.squareRoot() * power.doubleValue.squareRoot()
        return min(max(product.doubleValue / length, -1), 1)
    }
}

extension ExactSum {
    /// Whether this can be a sum of products of two `Float`: their smallest is 2^-298, and 2^64 of their largest are below 2^322.
    fileprivate var canBeOfFloats: Bool { lowest >= -5 && lowest + words.count <= 6 }
}

extension UInt64 {
    /// The sum of two counts.
    func addingCount(_ other: UInt64) throws(EvaluationStatisticsError) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        guard !overflow else { throw .countOverflow }
        return sum
    }
}
