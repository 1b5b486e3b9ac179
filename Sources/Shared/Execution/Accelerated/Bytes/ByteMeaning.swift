/// What bytes stand for: (byte - zero point) * scale.
struct ByteMeaning: Equatable {
    /// Whether the bytes have no sign.
    var isUnsigned: Bool
    /// The byte of zero.
    var zeroPoint: Int32
    /// Distance between neighbours.
    var scale: Float

    /// Scales for which no intermediate float32 result overflows or loses bits at the lower end.
    static let usableScales: ClosedRange<Float> = 0x1p-60...0x1p60

    /// All bytes, by their unsigned number.
    var integers: [Int32] {
        (0..<256).map { isUnsigned ? Int32($0) : Int32(Int8(truncatingIfNeeded: $0)) }
    }

    /// The largest distance of a byte from the zero point.
    var largestMagnitude: Int {
        let range: ClosedRange<Int32> = isUnsigned ? 0...255 : -128...127
        return Int(max(range.upperBound - zeroPoint, zeroPoint - range.lowerBound))
    }

    /// The real number of an integer, float32.
    func real(_ integer: Int32) -> Float { Float(integer - zeroPoint) * scale }
}
