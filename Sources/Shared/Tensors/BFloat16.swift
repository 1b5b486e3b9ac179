/// A 16-bit brain floating-point number: the upper half of a `Float`.
public struct BFloat16: TensorElement, Hashable {
    /// The sixteen bits: sign, 8 exponent bits, 7 fraction bits.
    public var bitPattern: UInt16

    /// `bfloat16`.
    public static var elementType: ElementType { .bfloat16 }

    /// Makes a number from its bits.
    public init(bitPattern: UInt16) {
        self.bitPattern = bitPattern
    }

    /// The nearest bfloat16 to `value`, ties to even; NaN stays NaN, overflow becomes infinity.
    public init(_ value: Float) {
        let bits = value.bitPattern
        if value.isNaN {
            // Keeps a quiet NaN even when the payload sits in the dropped half.
            bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x0040
        } else {
            let roundingBias: UInt32 = 0x7FFF + ((bits >> 16) & 1)
            bitPattern = UInt16(truncatingIfNeeded: (bits &+ roundingBias) >> 16)
        }
    }
}

extension Float {
    /// The exact value of a bfloat16 number.
    public init(_ value: BFloat16) {
        self.init(bitPattern: UInt32(value.bitPattern) << 16)
    }
}
