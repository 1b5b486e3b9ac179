/// The loops of QuantizeLinear and DequantizeLinear over the elements of one scale.
///
/// They use pointers, because bounds checks would keep the compiler from vectorising them, and each gives the bits of the formula
/// in its documentation.
enum QuantizationLoops {
    /// Adding this to a number below 2^22 in magnitude rounds it half to even and leaves it in the low bits.
    private static let rounder: Float = 0x1.8p23

    /// `saturate(roundHalfToEven(x / scale) + zero point)`; NaN becomes the type's minimum.
    ///
    /// Cutting off first and rounding then is the same, since the ends of the range are integers.
    @unsafe
    @inline(__always)
    static func quantize<Stored: FixedWidthInteger>(
        _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Stored>, count: Int, scale: Float,
        zeroPoint: Int32
    ) {
        let minimum = Float(Int32(Stored.min) - zeroPoint)
        let maximum = Float(Int32(Stored.max) - zeroPoint)
        let offset = UInt32(bitPattern: zeroPoint)
        for index in 0..<count {
            let quotient = unsafe source[index] / scale
            let clamped = quotient >= maximum ? maximum : quotient >= minimum ? quotient : minimum
            // The sixteen lowest bits of the rounder's own pattern are zero.
            unsafe target[index] = Stored(truncatingIfNeeded: (clamped + rounder).bitPattern &+ offset)
        }
    }

    /// `(x - zero point) * scale`.
    @unsafe
    @inline(__always)
    static func dequantize<Stored: FixedWidthInteger>(
        _ source: UnsafePointer<Stored>, to target: UnsafeMutablePointer<Float>, count: Int, scale: Float,
        zeroPoint: Int32
    ) {
        for index in 0..<count {
            unsafe target[index] = Float(Int32(truncatingIfNeeded: source[index]) &- zeroPoint) * scale
        }
    }
}
