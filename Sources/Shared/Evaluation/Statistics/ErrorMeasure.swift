internal import CKernels

/// What comparing two spans of elements gives: the sums of one sample.
///
/// The order of the additions is a function of the number of elements alone. Eight sums each take every eighth element: sum k
/// the elements k, k + 8, k + 16 and so on, in this order, in `Double`; then sum 0 to sum 7 are added one after the other.
/// Products of two `Float` are exact in `Double`. The elements are those of the row-major tensor.
public struct ErrorMeasure: Sendable, Hashable {
    /// Elements that were compared.
    public let compared: UInt64
    /// Elements that were left out because one of the two is not finite.
    public let omitted: UInt64
    /// Sum of the squares of the reference.
    public let signal: Double
    /// Sum of the squares of the differences.
    public let error: Double
    /// Sum of the squares of the candidate.
    public let power: Double
    /// Sum of the products.
    public let product: Double
    /// The largest magnitude of a difference.
    public let maximumError: Double

    /// The instructions to use; the numbers do not depend on them.
    private static let variant = tare_statistics_best_variant()

    /// Compares a candidate with a reference, element by element.
    ///
    /// - Precondition: Both have as many elements.
    public init(reference: Span<Float>, candidate: Span<Float>) {
        precondition(reference.count == candidate.count, "\(reference.count) and \(candidate.count) elements")
        var sums = tare_error_sums()
        unsafe reference.withUnsafeBufferPointer { reference in
            unsafe candidate.withUnsafeBufferPointer { candidate in
                unsafe tare_error_measure(
                    Self.variant, reference.baseAddress, candidate.baseAddress, reference.count, &sums)
            }
        }
        compared = UInt64(reference.count) - sums.omitted
        omitted = sums.omitted
        signal = sums.signal
        error = sums.error
        power = sums.power
        product = sums.product
        maximumError = sums.maximum
    }

    /// How many elements are below `lower` or above `upper`; those that are not numbers are neither.
    static func countOutside(_ elements: Span<Float>, lower: Float, upper: Float) -> Int {
        unsafe elements.withUnsafeBufferPointer { elements in
            Int(unsafe tare_count_outside(variant, elements.baseAddress, elements.count, lower, upper))
        }
    }
}
