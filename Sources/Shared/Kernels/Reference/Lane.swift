import Tensors

/// An arithmetic in which the reference kernels compute; each serves several element types.
///
/// `Float` serves float32, float16 and bfloat16; `Double` serves float64; `Int64` and `UInt64` serve the integers.
/// Computing an integer operation in 64 bits and keeping the low bits gives the wrapped result of the narrower type.
protocol Lane: TensorElement, Comparable, LaneLoops {
    /// Whether fractions exist.
    static var isFloatingPoint: Bool { get }
    /// Smallest and largest value, infinities included.
    static var lowest: Self { get }
    /// The largest value, infinity included.
    static var highest: Self { get }
    /// 0.
    static var zero: Self { get }
    /// Whether the value is not a number.
    var isNotANumber: Bool { get }
    /// The nearest `Double`.
    var double: Double { get }
    /// The lane value for a real number: rounded for floats, truncated toward zero for integers.
    init(converting value: Double)
    /// `self + other`; integers wrap.
    func adding(_ other: Self) -> Self
    /// `self - other`; integers wrap.
    func subtracting(_ other: Self) -> Self
    /// `self * other`; integers wrap.
    func multiplied(by other: Self) -> Self
    /// `self / other`; integers truncate toward zero and have no quotient (`nil`) for a zero divisor.
    func divided(by other: Self) -> Self?
}

extension Float: Lane {
    static var isFloatingPoint: Bool { true }
    static var lowest: Float { -.infinity }
    static var highest: Float { .infinity }
    var isNotANumber: Bool { isNaN }
    var double: Double { Double(self) }
    init(converting value: Double) { self.init(value) }
    @inline(__always) func adding(_ other: Float) -> Float { self + other }
    @inline(__always) func subtracting(_ other: Float) -> Float { self - other }
    @inline(__always) func multiplied(by other: Float) -> Float { self * other }
    @inline(__always) func divided(by other: Float) -> Float? { self / other }
}

extension Double: Lane {
    static var isFloatingPoint: Bool { true }
    static var lowest: Double { -.infinity }
    static var highest: Double { .infinity }
    var isNotANumber: Bool { isNaN }
    var double: Double { self }
    init(converting value: Double) { self = value }
    @inline(__always) func adding(_ other: Double) -> Double { self + other }
    @inline(__always) func subtracting(_ other: Double) -> Double { self - other }
    @inline(__always) func multiplied(by other: Double) -> Double { self * other }
    @inline(__always) func divided(by other: Double) -> Double? { self / other }
}

extension Int64: Lane {
    static var isFloatingPoint: Bool { false }
    static var lowest: Int64 { .min }
    static var highest: Int64 { .max }
    var isNotANumber: Bool { false }
    var double: Double { Double(self) }
    init(converting value: Double) { self = FloatConversion.int64(value) }
    @inline(__always) func adding(_ other: Int64) -> Int64 { self &+ other }
    @inline(__always) func subtracting(_ other: Int64) -> Int64 { self &- other }
    @inline(__always) func multiplied(by other: Int64) -> Int64 { self &* other }
    @inline(__always) func divided(by other: Int64) -> Int64? {
        other == 0 ? nil : dividedReportingOverflow(by: other).partialValue
    }
}

extension UInt64: Lane {
    static var isFloatingPoint: Bool { false }
    static var lowest: UInt64 { .min }
    static var highest: UInt64 { .max }
    var isNotANumber: Bool { false }
    var double: Double { Double(self) }
    init(converting value: Double) { self = FloatConversion.uint64(value) }
    @inline(__always) func adding(_ other: UInt64) -> UInt64 { self &+ other }
    @inline(__always) func subtracting(_ other: UInt64) -> UInt64 { self &- other }
    @inline(__always) func multiplied(by other: UInt64) -> UInt64 { self &* other }
    @inline(__always) func divided(by other: UInt64) -> UInt64? { other == 0 ? nil : self / other }
}

/// Which lane serves an element type.
enum LaneKind {
    case float
    case double
    case signed
    case unsigned
}

extension ElementType {
    /// The lane of the type; `bool` has none.
    var lane: LaneKind? {
        switch self {
        case .float32, .float16, .bfloat16: .float
        case .float64: .double
        case .int8, .int16, .int32, .int64: .signed
        case .uint8, .uint16, .uint32, .uint64: .unsigned
        case .bool: nil
        }
    }
}
