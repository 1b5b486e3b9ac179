/// Conversions from floating point to integers as ONNX Runtime does them on x86-64.
///
/// Values in range are truncated toward zero. ONNX leaves the rest undefined; ONNX Runtime yields what the machine's
/// conversion instruction and C++'s narrowing give, and so do these functions on every machine.
enum FloatConversion {
    /// Truncates; everything outside the range, and NaN, becomes `Int64.min`.
    static func int64(_ value: Double) -> Int64 {
        value >= -0x1p63 && value < 0x1p63 ? Int64(value) : .min
    }

    /// Truncates; everything outside the range, and NaN, becomes `Int32.min`.
    ///
    /// Narrower types keep its low bits.
    static func int32(_ value: Double) -> Int32 {
        value > -0x1p31 - 1 && value < 0x1p31 ? Int32(value) : .min
    }

    /// Truncates the low bits of the 64-bit conversion.
    static func uint32(_ value: Double) -> UInt32 {
        UInt32(truncatingIfNeeded: int64(value))
    }

    /// Truncates; negative numbers wrap, too large ones become 0, NaN and too small ones 2^63.
    static func uint64(_ value: Double) -> UInt64 {
        if value >= 0x1p64 { return 0 }
        if value >= 0x1p63 { return UInt64(value) }
        return UInt64(bitPattern: int64(value))
    }
}
