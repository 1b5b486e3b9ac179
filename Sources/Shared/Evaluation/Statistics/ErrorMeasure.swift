/// What comparing two spans of elements gives: the sums of one sample.
///
/// The order of the additions is a function of the number of elements alone. Eight sums each take every eighth element: sum k
/// the elements k, k + 8, k + 16 and so on, in this order, in `Double`; then sum 0 to sum 7 are added one after the other.
/// Products of two `Float` are exact in `Double`. The elements are those of the row-major tensor.
public struct ErrorMeasure: Sendable, Hashable {
    /// Elements that were compared.
    public private(set) var compared: UInt64 = 0
    /// Elements that were left out because one of the two is not finite.
    public private(set) var omitted: UInt64 = 0
    /// Sum of the squares of the reference.
    public private(set) var signal: Double = 0
    /// Sum of the squares of the differences.
    public private(set) var error: Double = 0
    /// Sum of the squares of the candidate.
    public private(set) var power: Double = 0
    /// Sum of the products.
    public private(set) var product: Double = 0
    /// The largest magnitude of a difference.
    public private(set) var maximumError: Double = 0

    private typealias Lanes = SIMD8<Double>

    /// Compares a candidate with a reference, element by element.
    ///
    /// - Precondition: Both have as many elements.
    public init(reference: Span<Float>, candidate: Span<Float>) {
        precondition(reference.count == candidate.count, "\(reference.count) and \(candidate.count) elements")
        var sums = Sums()
        let whole = reference.count / 8 * 8
        unsafe reference.withUnsafeBytes { reference in
            unsafe candidate.withUnsafeBytes { candidate in
                for start in stride(from: 0, to: whole * 4, by: 32) {
                    sums.add(
                        unsafe reference.loadUnaligned(fromByteOffset: start, as: SIMD8<Float>.self),
                        unsafe candidate.loadUnaligned(fromByteOffset: start, as: SIMD8<Float>.self))
                }
            }
        }
        if whole < reference.count {
            // Zeros change no sum.
            var (left, right) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
            for index in whole..<reference.count {
                left[index - whole] = reference[index]
                right[index - whole] = candidate[index]
            }
            sums.add(left, right)
        }
        omitted = UInt64(sums.omitted)
        compared = UInt64(reference.count - sums.omitted)
        signal = Self.total(sums.signal)
        error = Self.total(sums.error)
        power = Self.total(sums.power)
        product = Self.total(sums.product)
        maximumError = sums.maximum.max()
    }

    private static func total(_ lanes: Lanes) -> Double {
        var sum = lanes[0]
        for lane in 1..<8 { sum += lanes[lane] }
        return sum
    }

    private struct Sums {
        var omitted = 0
        var signal = Lanes.zero
        var error = Lanes.zero
        var power = Lanes.zero
        var product = Lanes.zero
        var maximum = Lanes.zero

        @inline(__always)
        mutating func add(_ reference: SIMD8<Float>, _ candidate: SIMD8<Float>) {
            var (reference, candidate) = (reference, candidate)
            // An infinity or NaN minus itself is not a number.
            let finite = ((reference - reference) .== 0) .& ((candidate - candidate) .== 0)
            if !all(finite) {
                reference.replace(with: 0, where: .!finite)
                candidate.replace(with: 0, where: .!finite)
                for lane in 0..<8 where !finite[lane] { omitted += 1 }
            }
            let left = Lanes(reference)
            let right = Lanes(candidate)
            let difference = right - left
            signal += left * left
            error += difference * difference
            power += right * right
            product += left * right
            maximum = pointwiseMax(maximum, pointwiseMax(difference, -difference))
        }
    }
}
