/// The bins of all dyadic histograms: bin k at exponent e holds the real numbers x with k = floor(x / 2^e).
///
/// Two neighbouring bins of one exponent are one bin of the next: floor(floor(x) / 2) = floor(x / 2), exactly. So values
/// can be counted in fine bins first and moved to coarse ones later without changing any count.
public enum DyadicLattice {
    /// Largest number of consecutive bins that a histogram keeps.
    public static let maximumBinCount = 4096
    /// Bin indices lie in -2^23 ..< 2^23, so that every bin edge is exactly a `Float`.
    public static let binIndices = -(1 << 23)..<(1 << 23)
    /// Exponents that can occur: 2^-149 is the distance of the smallest `Float` values.
    public static let exponents = -149...118

    /// The smallest exponent whose bins cover a range with at most `maximumBinCount` bins and indices in `binIndices`.
    ///
    /// Widening the range never lowers the exponent, which is why histograms merge exactly.
    public static func exponent(covering range: TensorRange) -> Int {
        let magnitude = max(abs(range.minimum), abs(range.maximum))
        // 2^23 <= magnitude / 2^e < 2^24 at this exponent: any finer one leaves the allowed indices.
        var exponent = magnitude == 0 ? exponents.lowerBound : max(Int(magnitude.exponent) - 23, exponents.lowerBound)
        while !fits(
            first: bin(of: range.minimum, exponent: exponent), last: bin(of: range.maximum, exponent: exponent))
        {
            exponent += 1
        }
        return exponent
    }

    /// The bin that a finite value falls into; exact.
    public static func bin(of value: Float, exponent: Int) -> Int {
        // A Float times a power of two is always a normal Double here, so nothing is rounded before `rounded(.down)`.
        Int((Double(value) * width(exponent: -exponent)).rounded(.down))
    }

    /// The width of a bin, 2^exponent.
    public static func width(exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }

    /// Whether a histogram may hold the bins `first ... last`.
    static func fits(first: Int, last: Int) -> Bool {
        binIndices.contains(first) && binIndices.contains(last) && last - first < maximumBinCount
    }
}
