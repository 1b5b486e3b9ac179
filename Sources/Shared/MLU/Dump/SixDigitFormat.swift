/// Writes numbers as `printf("%g")` does: six significant digits of the exact value, halves to the even digit.
///
/// One multiplication with a rounded power of ten gives the six digits and where the rest lies between two of them. Only
/// when the rest is too close to one half for the power's error is the exact value consulted, with whole numbers of any
/// length.
struct SixDigitFormat: Sendable {
    /// The most bytes that one number and its line end take, and that are touched behind it.
    static let longestLine = 24

    /// The format; its tables are made when it is first used.
    static let shared = SixDigitFormat()

    /// How numbers of one binary exponent become six digits: below and from the power of ten among them.
    struct Step {
        /// The leading 64 bits from which on a number has the higher decimal exponent.
        var threshold: UInt64
        var below: Scaling
        var above: Scaling
    }

    /// A power of ten that brings numbers to 100,000...999,999.
    struct Scaling {
        /// Its leading 64 bits, rounded down.
        var factor: UInt64
        /// The exponent of the power.
        var power: Int16
        /// The decimal exponent of the numbers that it is for.
        var exponent: Int16
        /// By how many bits the upper half of the product is shifted.
        var shift: UInt8
        /// Whether the 64 bits are the power itself.
        var isExact: Bool
    }

    /// Smallest binary exponent of a double that is not zero.
    private static let smallestExponent = -1074
    private let steps: [Step]
    /// The ASCII digits of 0...999, the first digit in the lowest byte.
    private let digits: [UInt32]

    private init() {
        let powers = PowersOfTen()
        steps = (Self.smallestExponent...1023).map { powers.step(binaryExponent: $0) }
        digits = (0..<1000).map { (number: UInt32) -> UInt32 in
            let (first, second, third) = (number / 100, number / 10 % 10, number % 10)
            return 0x303030 | first | second << 8 | third << 16
        }
    }

    /// Lends the tables to a loop over many numbers.
    func withTables<Result>(_ body: (Tables) -> Result) -> Result {
        unsafe steps.withUnsafeBufferPointer { steps in
            unsafe digits.withUnsafeBufferPointer { digits in
                guard let steps = steps.baseAddress, let digits = digits.baseAddress else {
                    preconditionFailure("The tables are never empty")
                }
                return unsafe body(Tables(steps: steps, digits: digits))
            }
        }
    }

    /// One number as text.
    static func text(_ value: Double) -> String {
        var bytes = [UInt8](repeating: 0, count: longestLine)
        let count = unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe shared.withTables { tables in
                guard let start = bytes.baseAddress else { return 0 }
                return unsafe tables.write(value, to: start)
            }
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// The tables without bounds checks.
    @unsafe
    struct Tables {
        fileprivate let steps: UnsafePointer<Step>
        fileprivate let digits: UnsafePointer<UInt32>

        /// Writes a number without a line end.
        ///
        /// - Parameters:
        ///   - value: The number.
        ///   - start: Room for `longestLine` bytes.
        /// - Returns: Number of bytes.
        @inline(__always)
        func write(_ value: Double, to start: UnsafeMutableRawPointer) -> Int {
            let bits = value.bitPattern
            let biased = Int(truncatingIfNeeded: bits >> 52) & 0x7FF
            let fraction = bits & 0xF_FFFF_FFFF_FFFF
            // The sign is written always and kept only when there is one.
            let sign = Int(truncatingIfNeeded: bits >> 63)
            unsafe start.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self)
            let place = unsafe start + sign
            if biased == 0 && fraction == 0 {
                unsafe place.storeBytes(of: UInt8(ascii: "0"), as: UInt8.self)
                return sign + 1
            }
            var mantissa = (fraction | 1 << 52) << 11
            var binaryExponent = biased - 1023
            if biased == 0 {
                let zeros = fraction.leadingZeroBitCount
                mantissa = fraction << UInt64(zeros)
                binaryExponent = -1011 - zeros
            } else if biased == 0x7FF {
                let text: UInt32 = fraction == 0 ? 0x666E69 : 0x6E616E
                unsafe place.storeBytes(of: text, as: UInt32.self)
                return sign + 3
            }
            return unsafe sign + write(mantissa, binaryExponent, to: place)
        }

        /// Writes a positive number `mantissa / 2^63 * 2^binaryExponent`, 1 <= `mantissa / 2^63` < 2.
        @inline(__always)
        private func write(_ mantissa: UInt64, _ binaryExponent: Int, to place: UnsafeMutableRawPointer) -> Int {
            let step = unsafe steps + (binaryExponent - SixDigitFormat.smallestExponent)
            let isAbove = unsafe mantissa >= step.pointee.threshold
            let scaling = unsafe (isAbove ? step.pointee.above : step.pointee.below)
            let product = scaling.factor.multipliedFullWidth(by: mantissa)
            let shift = UInt64(scaling.shift)
            var number = product.high >> shift
            let rest = product.high & (1 << shift &- 1)
            let half: UInt64 = 1 << (shift &- 1)
            if rest > half {
                number += 1
            } else if rest >= half &- 1 {
                number = SixDigitFormat.rounded(
                    number, rest: rest, half: half, low: product.low, mantissa, binaryExponent, scaling)
            }
            var exponent = Int(scaling.exponent)
            if number == 1_000_000 {
                number = 100_000
                exponent += 1
            }
            let first = unsafe UInt64(digits[Int(truncatingIfNeeded: number / 1000)])
            let second = unsafe UInt64(digits[Int(truncatingIfNeeded: number % 1000)])
            return unsafe Self.arrange(first | second << 24, exponent, at: place)
        }

        /// Places six digits: fixed-point for exponents -4...5, else with an exponent; no zeros at the end.
        @inline(__always)
        private static func arrange(_ digits: UInt64, _ exponent: Int, at place: UnsafeMutableRawPointer) -> Int {
            let count = (71 - (digits ^ 0x3030_3030_3030).leadingZeroBitCount) >> 3
            if exponent >= 0 && exponent < 6 {
                let whole = exponent + 1
                guard count > whole else {
                    unsafe place.storeBytes(of: digits, as: UInt64.self)
                    return whole
                }
                unsafe place.storeBytes(of: withPoint(digits, after: whole), as: UInt64.self)
                return count + 1
            }
            if exponent < 0 && exponent >= -4 {
                unsafe place.storeBytes(of: 0x3030_3030_3030_2E30, as: UInt64.self)
                unsafe (place + (1 - exponent)).storeBytes(of: digits, as: UInt64.self)
                return 1 - exponent + count
            }
            return unsafe arrangeWithExponent(digits, count: count, exponent, at: place)
        }

        /// The digits with a point behind the first `whole` of them.
        @inline(__always)
        private static func withPoint(_ digits: UInt64, after whole: Int) -> UInt64 {
            let bits = UInt64(truncatingIfNeeded: whole) &* 8
            let mask: UInt64 = 1 << bits &- 1
            return digits & mask | 0x2E << bits | (digits & ~mask) << 8
        }

        private static func arrangeWithExponent(
            _ digits: UInt64, count: Int, _ exponent: Int, at place: UnsafeMutableRawPointer
        ) -> Int {
            unsafe place.storeBytes(of: withPoint(digits, after: 1), as: UInt64.self)
            var length = count > 1 ? count + 1 : 1
            var magnitude = exponent.magnitude
            unsafe place.storeBytes(of: UInt8(ascii: "e"), toByteOffset: length, as: UInt8.self)
            unsafe place.storeBytes(
                of: exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"), toByteOffset: length + 1, as: UInt8.self)
            length += 2
            if magnitude >= 100 {
                unsafe place.storeBytes(
                    of: UInt8(ascii: "0") + UInt8(magnitude / 100), toByteOffset: length, as: UInt8.self)
                magnitude %= 100
                length += 1
            }
            let pair = UInt16(0x3030) | UInt16(magnitude / 10) | UInt16(magnitude % 10) << 8
            unsafe place.storeBytes(of: pair, toByteOffset: length, as: UInt16.self)
            return length + 2
        }
    }

    /// Rounds where the upper half of the product cannot tell.
    @inline(never)
    fileprivate static func rounded(
        _ number: UInt64, rest: UInt64, half: UInt64, low: UInt64, _ mantissa: UInt64, _ binaryExponent: Int,
        _ scaling: Scaling
    ) -> UInt64 {
        if scaling.isExact {
            if rest < half { return number }
            return low > 0 || number & 1 == 1 ? number + 1 : number
        }
        // The power is rounded down, so that the true rest is at least this one.
        if rest == half { return number + 1 }
        let side = PowersOfTen.comparedWithHalf(
            number, mantissa: mantissa, binaryExponent: binaryExponent, power: Int(scaling.power))
        switch side {
        case .less: return number
        case .more: return number + 1
        case .half: return number + (number & 1)
        }
    }
}
