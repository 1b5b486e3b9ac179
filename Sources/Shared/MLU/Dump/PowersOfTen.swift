/// The powers of ten of a `SixDigitFormat`, from whole numbers of any length.
struct PowersOfTen {
    /// A power of ten `significand * 2^binaryExponent`, rounded down to 64 bits.
    struct Power {
        var significand: UInt64
        var binaryExponent: Int
        var isExact: Bool
    }

    /// Where a number lies between two neighbours.
    enum Side {
        case less
        case half
        case more
    }

    private static let smallest = -325
    private let powers: [Power]

    init() {
        var positive: [Power] = []
        var negative: [Power] = []
        var fives = WholeNumber(1)
        for exponent in 0...330 {
            let width = fives.bitWidth
            positive.append(
                Power(
                    significand: fives.leading64Bits, binaryExponent: exponent + width - 64, isExact: width <= 64))
            if exponent > 0, exponent <= -Self.smallest {
                negative.append(
                    Power(
                        significand: fives.leading64BitsOfReciprocal, binaryExponent: -exponent - width - 63,
                        isExact: false))
            }
            fives.multiply(by: 5)
        }
        powers = negative.reversed() + positive
    }

    /// The power 10^`exponent`.
    func power(_ exponent: Int) -> Power { powers[exponent - Self.smallest] }

    /// How numbers from 2^`binaryExponent` to twice as much are scaled to six digits.
    func step(binaryExponent: Int) -> SixDigitFormat.Step {
        // 315653 / 2^20 is log10(2) closely enough for exponents from -2620 to 2620.
        let exponent = (binaryExponent * 315_653) >> 20
        let next = power(exponent + 1)
        // The power lies among these numbers when its leading bit has their exponent.
        let isAmong = next.binaryExponent + 63 == binaryExponent
        return SixDigitFormat.Step(
            threshold: isAmong ? (next.isExact ? next.significand : next.significand + 1) : .max,
            below: scaling(binaryExponent: binaryExponent, exponent: exponent),
            above: scaling(binaryExponent: binaryExponent, exponent: exponent + 1))
    }

    private func scaling(binaryExponent: Int, exponent: Int) -> SixDigitFormat.Scaling {
        let power = power(5 - exponent)
        let shift = -(binaryExponent - 63 + power.binaryExponent) - 64
        return SixDigitFormat.Scaling(
            factor: power.significand, power: Int16(5 - exponent), exponent: Int16(exponent),
            shift: UInt8(clamping: shift), isExact: power.isExact)
    }

    /// Compares `mantissa * 2^(binaryExponent - 63) * 10^power` with `number` + 1/2, exactly.
    static func comparedWithHalf(_ number: UInt64, mantissa: UInt64, binaryExponent: Int, power: Int) -> Side {
        var left = WholeNumber(mantissa)
        var right = WholeNumber(2 * number + 1)
        for _ in 0..<abs(power) {
            if power > 0 { left.multiply(by: 5) } else { right.multiply(by: 5) }
        }
        let shift = binaryExponent - 63 + power + 1
        if shift >= 0 { left.shiftLeft(by: shift) } else { right.shiftLeft(by: -shift) }
        if left == right { return .half }
        return left < right ? .less : .more
    }
}

/// A whole number of any length, as long as a power of ten needs it.
struct WholeNumber: Comparable {
    /// 32 bits each, lowest first; the last one is not zero.
    private var words: [UInt32]

    init(_ value: UInt64) {
        words = [UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
        trim()
    }

    /// Number of bits up to the highest that is set.
    var bitWidth: Int {
        guard let last = words.last else { return 0 }
        return 32 * words.count - last.leadingZeroBitCount
    }

    /// The highest 64 bits; a shorter number is moved up.
    var leading64Bits: UInt64 {
        let width = bitWidth
        var result: UInt64 = 0
        for bit in ((width - 64)..<width).reversed() {
            result <<= 1
            if bit >= 0, words[bit >> 5] >> UInt32(bit & 31) & 1 == 1 { result |= 1 }
        }
        return result
    }

    /// 2^(`bitWidth` + 63) divided by the number, rounded down; the number is no power of two.
    var leading64BitsOfReciprocal: UInt64 {
        var rest = WholeNumber(1)
        rest.shiftLeft(by: bitWidth - 1)
        var result: UInt64 = 0
        for _ in 0..<64 {
            rest.shiftLeft(by: 1)
            result <<= 1
            if rest >= self {
                rest.subtract(self)
                result |= 1
            }
        }
        return result
    }

    mutating func multiply(by factor: UInt32) {
        var carry: UInt64 = 0
        for index in words.indices {
            let product = UInt64(words[index]) * UInt64(factor) + carry
            words[index] = UInt32(truncatingIfNeeded: product)
            carry = product >> 32
        }
        if carry > 0 { words.append(UInt32(carry)) }
    }

    mutating func shiftLeft(by count: Int) {
        let bits = UInt32(count % 32)
        if bits > 0 {
            var carry: UInt32 = 0
            for index in words.indices {
                let word = words[index]
                words[index] = word << bits | carry
                carry = word >> (32 - bits)
            }
            if carry > 0 { words.append(carry) }
        }
        words.insert(contentsOf: repeatElement(0, count: count / 32), at: 0)
        trim()
    }

    /// Takes away a number that is not larger.
    mutating func subtract(_ other: WholeNumber) {
        var borrow: Int64 = 0
        for index in words.indices {
            let taken = index < other.words.count ? Int64(other.words[index]) : 0
            let difference = Int64(words[index]) - taken + borrow
            words[index] = UInt32(truncatingIfNeeded: difference)
            borrow = difference >> 32
        }
        trim()
    }

    static func < (left: WholeNumber, right: WholeNumber) -> Bool {
        if left.words.count != right.words.count { return left.words.count < right.words.count }
        for index in left.words.indices.reversed() where left.words[index] != right.words[index] {
            return left.words[index] < right.words[index]
        }
        return false
    }

    private mutating func trim() {
        while words.last == 0 { words.removeLast() }
    }
}
